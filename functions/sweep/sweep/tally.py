"""What a run has found so far."""

from collections import Counter, defaultdict
from datetime import datetime

from sweep.contract import Swept
from sweep.decision import Kind
from sweep.images import Image

NAMED = 100
"""Images named of each kind: the answer must fit into what Lambda returns."""
UNCLASSIFIED = frozenset({Kind.RUNNING, Kind.STARTED})
"""Known to have no outcome and not given up: what was given up waits in a queue that has an alarm of its own."""


class Tally:
    """Counts images by kind, and keeps the first names of each."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._named: defaultdict[Kind, list[Swept]] = defaultdict(list)
        self.oldest: datetime | None = None
        """When the oldest image without an outcome arrived, of those that are still tried."""

    def add(self, image: Image, kind: Kind, why: str) -> None:
        """Count an image."""
        self._counts[kind] += 1
        if kind in UNCLASSIFIED:
            self.oldest = earliest(self.oldest, image.last_modified)
        if len(self._named[kind]) < NAMED:
            self._named[kind].append({"key": image.key, "etag": image.etag, "why": why})

    def __getitem__(self, kind: Kind) -> int:
        """Return how many images are of a kind."""
        return self._counts[kind]

    @property
    def looked_at(self) -> int:
        """How many images there were in all."""
        return self._counts.total()

    def counts(self) -> dict[str, int]:
        """Return the count of every kind, 0 included."""
        return {str(kind): self._counts[kind] for kind in Kind}

    def images(self) -> dict[str, list[Swept]]:
        """Return the first images of every kind."""
        return {str(kind): self._named[kind] for kind in Kind}


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the earliest of those moments that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
