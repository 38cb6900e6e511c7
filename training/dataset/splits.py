"""Split the archive into train, validation and test images, and select classes."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.dataset.archive import Images
from training.errors import UnknownClassError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Archive

VALIDATION_FRACTION = 0.1
ALL = "all"
TRAIN, VALIDATION, TEST = "train", "validation", "test"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}")


def parse_classes(text: str, class_names: Sequence[str]) -> tuple[str, ...]:
    """Parse a comma-separated list of classes; "all" is every class of the archive.

    Raises
    ------
    UnknownClassError
        See `class_indices`.
    """
    wanted = tuple(name.strip() for name in text.split(",") if name.strip())
    if wanted == (ALL,):
        return tuple(class_names)
    class_indices(wanted, class_names)
    return wanted


def class_indices(wanted: Sequence[str], class_names: Sequence[str]) -> tuple[int, ...]:
    """Return the archive's label of each wanted class, in the wanted order.

    Raises
    ------
    UnknownClassError
        Names every class that is unknown or listed twice.
    """
    unknown = [name for name in wanted if name not in class_names]
    if unknown:
        raise UnknownClassError(f"unknown class: {_suggest(unknown, class_names)}")
    if not wanted or len(set(wanted)) != len(wanted):
        raise UnknownClassError(f"classes must be named once each: {', '.join(wanted) or 'none given'}")
    return tuple(class_names.index(name) for name in wanted)


def held_out(labels: np.ndarray, seed: int, fraction: float = VALIDATION_FRACTION) -> np.ndarray:
    """Return which images are for validation, as bool [N]: the same fraction of every class, by seed."""
    rng = np.random.default_rng(seed)
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = rng.permutation(np.flatnonzero(labels == label))
        held[members[: round(fraction * len(members))]] = True
    return held


def hold_out(images: Images, seed: int, fraction: float = VALIDATION_FRACTION) -> tuple[Images, Images]:
    """Split into (training, validation), the same fraction of every class, by seed."""
    held = held_out(images.labels, seed, fraction)
    return images.take(np.flatnonzero(~held)), images.take(np.flatnonzero(held))


def select(images: Images, classes: Sequence[int]) -> Images:
    """Return the images of these classes, relabelled 0, 1, ... in the given order."""
    order = np.full(max(int(images.labels.max(initial=0)), *classes) + 1, -1)
    order[list(classes)] = np.arange(len(classes))
    positions = order[images.labels]
    chosen = np.flatnonzero(positions >= 0)
    return Images(images.pixels[chosen], positions[chosen])


def others(images: Images, classes: Sequence[int]) -> Images:
    """Return the images of all other classes, with unchanged labels."""
    return images.take(np.flatnonzero(~np.isin(images.labels, classes)))


def _suggest(unknown: Sequence[str], class_names: Sequence[str]) -> str:
    near = {
        name: difflib.get_close_matches(name.lower().replace(" ", "_"), class_names, 3) for name in unknown
    }
    hints = [f"{name} (near: {', '.join(found)})" if found else name for name, found in near.items()]
    rest = "" if all(near.values()) else f"; the archive has {', '.join(class_names)}"
    return ", ".join(hints) + rest


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
    """Return a hash of the pixels, which does not depend on a file's compression."""
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _names(names: Sequence[str], images: int, title: str) -> tuple[str, ...]:
    """Return a file name for every image: the archive's, unless that is not a valid file name."""
    given = names or [""] * images
    return tuple(
        name if _NAME.fullmatch(name) else f"{title}_{index:05d}.png" for index, name in enumerate(given)
    )
