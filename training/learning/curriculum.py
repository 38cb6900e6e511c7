"""What is shown when: which images pretraining, each fold of fine-tuning and the final fine-tuning see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.dataset.archive import Images
from training.dataset.subsets import class_indices, held_out, hold_out, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Archive

KNOWN_IMAGES = 4500  # shown in an epoch of fine-tuning, by repeating them, unless there are more
MOST_REPEATS = 8
STRANGERS = 6000  # images of other classes beside them, drawn anew each epoch


class Curriculum:
    """The images of a run. Labels count the wanted classes first, then the others.

    The validation images are never trained on. Those of the wanted classes that are trained on fall into
    folds: fine-tuning without a fold says what the network makes of images it has not seen, which is what
    calibration needs. For that, pretraining must not have seen them either: it takes the other classes where
    these are many, else all but the first fold, which is then the only one held out.

    Parameters
    ----------
    archive
        Only its train images are used.
    classes
        The wanted ones, in the order of the answer.
    seed
        Decides validation images, folds and draws.
    folds
        Into how many parts the known images fall.
    """

    def __init__(self, archive: Archive, classes: Sequence[str], seed: int, folds: int) -> None:
        wanted = class_indices(classes, archive.class_names)
        rest = tuple(label for label in range(len(archive.class_names)) if label not in wanted)
        self.wanted, self.outputs, self.seed = len(wanted), len(wanted) + len(rest), seed
        train, validation = hold_out(archive.train, seed)
        self.train, self.validation = select(train, wanted + rest), select(validation, wanted + rest)
        self.known, self.strangers = self._divided(self.train)
        self.fold = _folds(self.known.labels, seed, folds)
        self.pretrains_on_others = len(rest) >= len(wanted)
        self.folds = folds if self.pretrains_on_others else 1

    def known_validation(self) -> Images:
        """Return the validation images of the wanted classes."""
        return self._divided(self.validation)[0]

    def strange_validation(self) -> Images:
        """Return the validation images of the others."""
        return self._divided(self.validation)[1]

    def pretraining(self) -> Images:
        """Return what the network learns to see with."""
        return self.strangers if self.pretrains_on_others else joined(self.without(0), self.strangers)

    def of_fold(self, fold: int) -> Images:
        """Return the known images of a fold."""
        return self.known.take(np.flatnonzero(self.fold == fold))

    def without(self, fold: int | None) -> Images:
        """Return the known images outside a fold; all for None."""
        return self.known if fold is None else self.known.take(np.flatnonzero(self.fold != fold))

    def finetuning(self, epoch: int, fold: int | None) -> Images:
        """Return the images of an epoch that leaves the fold out."""
        known = self.without(fold)
        repeats = max(1, min(MOST_REPEATS, round(KNOWN_IMAGES / len(known))))
        rng = np.random.default_rng([self.seed, epoch])
        drawn = self.strangers.take(rng.permutation(len(self.strangers))[:STRANGERS])
        return joined(*[known] * repeats, drawn)

    def _divided(self, images: Images) -> tuple[Images, Images]:
        known = images.labels < self.wanted
        return images.take(np.flatnonzero(known)), images.take(np.flatnonzero(~known))


def joined(*parts: Images) -> Images:
    """Return all the images as one."""
    pixels, labels = [part.pixels for part in parts], [part.labels for part in parts]
    return Images(np.concatenate(pixels), np.concatenate(labels))


def _folds(labels: np.ndarray, seed: int, folds: int) -> np.ndarray:
    """Return the fold [N] of each image, every class spread evenly."""
    fold = np.full(len(labels), folds - 1)
    for last in range(folds - 1, 0, -1):
        left = np.flatnonzero(fold == last)
        fold[left[~held_out(labels[left], seed, 1 / (last + 1))]] = last - 1
    return fold
