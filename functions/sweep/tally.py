"""What a run has found so far."""

from collections import Counter, defaultdict

from contract import Swept
from decision import Kind
from image import Image

NAMED = 100
"""Images named of each kind: the answer must fit into what Lambda returns."""


class Tally:
    """Counts images by kind, and keeps the first names of each."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._named: defaultdict[Kind, list[Swept]] = defaultdict(list)

    def add(self, image: Image, kind: Kind, why: str) -> None:
        """Count an image."""
        self._counts[kind] += 1
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
