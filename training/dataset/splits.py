"""The archive's images as train, validation and test, and what tells two of them apart."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.dataset.subsets import held_out

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Archive, Images

TRAIN, VALIDATION, TEST = "train", "validation", "test"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


@dataclass(frozen=True, slots=True)
class Split:
    """Images with the names of their files; labels index the archive's classes."""

    title: str
    images: Images
    names: tuple[str, ...]

    def take(self, indices: np.ndarray) -> Split:
        """Return the images at these positions."""
        return Split(self.title, self.images.take(indices), tuple(self.names[i] for i in indices))

    def of_class(self, label: int) -> Split:
        """Return the images of one class."""
        return self.take(np.flatnonzero(self.images.labels == label))

    def hashes(self) -> list[str]:
        """Return the content hash of each image."""
        return [content_hash(pixels) for pixels in self.images.pixels]


def splits_of(archive: Archive, seed: int) -> tuple[Split, Split, Split]:
    """Return (train, validation, test); the validation images are those that training holds out."""
    held = held_out(archive.train.labels, seed)
    official = Split(TRAIN, archive.train, _names(archive.train_names, len(archive.train), TRAIN))
    train, validation = official.take(np.flatnonzero(~held)), official.take(np.flatnonzero(held))
    test = Split(TEST, archive.test, _names(archive.test_names, len(archive.test), TEST))
    return train, Split(VALIDATION, validation.images, validation.names), test


def content_hash(pixels: np.ndarray) -> str:
    """Return what two images share when every pixel is the same, however their files are compressed."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _names(names: Sequence[str], images: int, title: str) -> tuple[str, ...]:
    """Return a file name for every image: the archive's, unless it could not be one."""
    given = names or [""] * images
    return tuple(
        name if _NAME.fullmatch(name) else f"{title}_{index:05d}.png" for index, name in enumerate(given)
    )
