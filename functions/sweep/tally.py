"""What a run has found so far."""

from collections import Counter, defaultdict
from datetime import datetime, timedelta

from contract import Swept
from decision import Kind
from image import Image

NAMED = 100
"""Images named of each kind: the answer must fit into what Lambda returns."""
UNCLASSIFIED = frozenset({Kind.RUNNING, Kind.STARTED})
"""Known to have no outcome and not given up: what was given up waits in a queue that has an alarm of its own."""


class Tally:
    """Counts images by kind, and keeps the first names of each."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._named: defaultdict[Kind, list[Swept]] = defaultdict(list)
        self._oldest: datetime | None = None

    def add(self, image: Image, kind: Kind, why: str) -> None:
        """Count an image."""
        self._counts[kind] += 1
        if kind in UNCLASSIFIED:
            self._oldest = min(self._oldest or image.last_modified, image.last_modified)
        if len(self._named[kind]) < NAMED:
            self._named[kind].append({"key": image.key, "etag": image.etag, "why": why})

    def __getitem__(self, kind: Kind) -> int:
        """Return how many images are of a kind."""
        return self._counts[kind]

    @property
    def looked_at(self) -> int:
        """How many images there were in all."""
        return self._counts.total()

    def oldest_unclassified(self, now: datetime) -> timedelta:
        """Return the age of the oldest image without an outcome; 0 when there is none."""
        return now - (self._oldest or now)

    def counts(self) -> dict[str, int]:
        """Return the count of every kind, 0 included."""
        return {str(kind): self._counts[kind] for kind in Kind}

    def images(self) -> dict[str, list[Swept]]:
        """Return the first images of every kind."""
        return {str(kind): self._named[kind] for kind in Kind}
