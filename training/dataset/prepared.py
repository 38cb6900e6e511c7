"""Read back what training.data wrote: the arrays that training takes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from endpoint.errors import ImageError
from endpoint.image import read_square
from training.dataset import manifest
from training.dataset.archive import SIDE, Images
from training.dataset.merge_reviewed import OUT_OF_DISTRIBUTION
from training.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNSURE = -1  # training.learning.fit's label for an image of none of the classes


def read_reviewed(folder: Path, class_names: Sequence[str]) -> Images:
    """Return the reviewed images of a folder that `training.data --reviewed` wrote.

    All of them are training images; none is among the archive's images. To train on them::

        train, validation = hold_out(archive.train, seed)
        train = joined(train, known(read_reviewed(folder, archive.class_names)))

    Parameters
    ----------
    folder
        The one with manifest.jsonl.
    class_names
        Labels index these: the archive's classes to join `archive.train`, or the wanted ones in the order of
        the answer to join what `select` returned. Images of other classes are not returned.

    Returns
    -------
    Images
        Possibly none. The label is -1 (`training.learning.fit.UNSURE`) where the reviewers said "neither": such images
        belong beside the strangers of fine-tuning, never into pretraining; `known` drops them.

    Raises
    ------
    ManifestError
        There is no manifest, or a file is not the one it names.
    """
    chosen = [entry for entry in manifest.read(folder) if entry.review is not None]
    index = {name: label for label, name in enumerate(class_names)} | {OUT_OF_DISTRIBUTION: UNSURE}
    chosen = [entry for entry in chosen if entry.label in index]
    pixels = np.empty((len(chosen), SIDE, SIDE, 3), np.uint8)
    for row, entry in enumerate(chosen):
        pixels[row] = _pixels(folder, entry)
    return Images(pixels, np.array([index[entry.label] for entry in chosen], dtype=np.int64))


def known(images: Images) -> Images:
    """Return the images of a class, without those of none."""
    return images.take(np.flatnonzero(images.labels != UNSURE))


def joined(first: Images, second: Images) -> Images:
    """Return the images of both."""
    pixels = np.concatenate([first.pixels, second.pixels])
    return Images(pixels, np.concatenate([first.labels, second.labels]))


def _pixels(folder: Path, entry: manifest.Entry) -> np.ndarray:
    path = folder / entry.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}; prepare the folder again") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ManifestError(f"{path}: not the file the manifest names; prepare the folder again")
    try:
        return np.asarray(read_square(data, SIDE))
    except ImageError as error:
        raise ManifestError(f"{path}: {error}; prepare the folder again") from error
