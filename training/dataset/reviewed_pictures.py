"""Reviewed images as the pictures that the model sees, at any size: near-duplicates grouped, a part held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from endpoint.errors import ImageError
from endpoint.views import VIEWS, read_picture, short_side, views
from training.dataset import manifest
from training.dataset.archive import SIDE, Images
from training.dataset.human_labels import OUT_OF_DISTRIBUTION
from training.dataset.nearly_equal import nearly_equal, thumbnails
from training.dataset.prepared_folder import UNSURE
from training.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

VALIDATION_SHARE = 0.25
_HASH_BITS = 32


@dataclass(frozen=True, slots=True)
class Picture:
    """A reviewed picture.

    Attributes
    ----------
    views
        Its squares, uint8 [V, S, S, 3].
    label
        Index of its class; UNSURE for "neither".
    path
        Its unchanged file, named by its digest.
    """

    views: NDArray[np.uint8]
    label: int
    path: Path


@dataclass(slots=True)
class Pictures:
    """The reviewed pictures to train on, and those to calibrate and compare with.

    Attributes
    ----------
    train, validation
        No picture of one is nearly the same as one of the other.
    conflicts
        Names of nearly equal pictures with different labels; on neither side.
    """

    train: list[Picture] = field(default_factory=list)
    validation: list[Picture] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


def read_pictures(folder: Path, classes: Sequence[str]) -> list[Picture]:
    """Return the reviewed pictures of a folder that `training.data --reviewed` wrote, from their unchanged files.

    Raises
    ------
    ManifestError
        There is no manifest, or a file that it names is missing or cannot be read.
    """
    index = {name: label for label, name in enumerate(classes)} | {OUT_OF_DISTRIBUTION: UNSURE}
    found = []
    for entry in manifest.read(folder):
        if entry.review is None or entry.label not in index:
            continue
        path = folder / entry.review.original
        try:
            picture = read_picture(path.read_bytes(), short_side(SIDE, VIEWS))
        except (OSError, ImageError) as error:
            raise ManifestError(f"{path}: {error}; prepare the folder again") from error
        found.append(Picture(views(picture, SIDE), index[entry.label], path))
    return found


def divide(pictures: Sequence[Picture]) -> Pictures:
    """Divide into training and validation by the digests of the files, nearly equal pictures to the same side.

    A picture that validated once validates the next time too, whatever was reviewed since.
    """
    divided = Pictures()
    for group in _groups(pictures):
        if len({picture.label for picture in group}) > 1:
            divided.conflicts += [picture.path.name for picture in group]
            continue
        first = min(picture.path.stem for picture in group)
        held_out = int(first[: _HASH_BITS // 4], 16) < VALIDATION_SHARE * 2**_HASH_BITS
        (divided.validation if held_out else divided.train).extend(group)
    return divided


def as_images(pictures: Sequence[Picture]) -> Images:
    """Return the pictures' views as images, each with the picture's label."""
    pixels = [picture.views for picture in pictures]
    labels = [np.full(len(picture.views), picture.label, np.int64) for picture in pictures]
    if not pictures:
        return Images(np.empty((0, SIDE, SIDE, 3), np.uint8), np.empty(0, np.int64))
    return Images(np.concatenate(pixels), np.concatenate(labels))


def _groups(pictures: Sequence[Picture]) -> list[list[Picture]]:
    """Return the pictures in groups of nearly equal ones, each picture in one group."""
    small = thumbnails([picture.views[0] for picture in pictures])
    leader = list(range(len(pictures)))

    def first(index: int) -> int:
        while leader[index] != index:
            index = leader[index]
        return index

    for index in range(1, len(pictures)):
        for near in nearly_equal(small[index], small[:index]):
            leader[first(index)] = first(int(near))
    groups: dict[int, list[Picture]] = {}
    for index, picture in enumerate(pictures):
        groups.setdefault(first(index), []).append(picture)
    return list(groups.values())
