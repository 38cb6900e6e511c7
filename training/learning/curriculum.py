"""The curriculum: the images that pretraining and each fine-tuning use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from training.dataset.archive import Images
from training.dataset.prepared_folder import UNSURE, joined, known
from training.dataset.splits import class_indices, content_hash, hold_out, select

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Archive

KNOWN_IMAGES = 4500  # images per epoch of fine-tuning, by repeating them, unless there are more
MOST_REPEATS = 8
STRANGERS = 6000  # images of other classes added to them, drawn anew each epoch
EXAMPLES = 256


class Curriculum:
    """The images of a run. Labels count the wanted classes first, then the others.

    Neither the validation images nor duplicates of them are used for training.

    Parameters
    ----------
    archive
        Only its training images are used.
    classes
        The wanted classes, in the order of the output.
    seed
        Determines the validation images and the random draws.
    reviewed
        Images that people labelled, as `training.dataset.prepared_folder.read_reviewed` returns them for the
        archive's class names. They are used for training; those of no class count as strangers.
    """

    def __init__(
        self, archive: Archive, classes: Sequence[str], seed: int, reviewed: Images | None = None
    ) -> None:
        wanted = class_indices(classes, archive.class_names)
        rest = tuple(label for label in range(len(archive.class_names)) if label not in wanted)
        self.wanted, self.outputs, self.seed = len(wanted), len(wanted) + len(rest), seed
        train, validation = hold_out(archive.train, seed)
        train = _without(train, validation)
        if reviewed is not None:
            train = joined(train, known(reviewed))
        self.train, self.validation = select(train, wanted + rest), select(validation, wanted + rest)
        self.known, self.strangers = self._divided(self.train)
        if reviewed is not None:
            self.strangers = joined(self.strangers, reviewed.take(np.flatnonzero(reviewed.labels == UNSURE)))

    def known_validation(self) -> Images:
        """Return the validation images of the wanted classes."""
        return self._divided(self.validation)[0]

    def strange_validation(self) -> Images:
        """Return the validation images of the others."""
        return self._divided(self.validation)[1]

    def finetuning(self, epoch: int, member: int) -> Images:
        """Return the images of one epoch of a fine-tuning: all of the wanted classes, and some strangers."""
        repeats = max(1, min(MOST_REPEATS, round(KNOWN_IMAGES / len(self.known))))
        rng = np.random.default_rng([self.seed, member, epoch])
        drawn = self.strangers.take(rng.permutation(len(self.strangers))[:STRANGERS])
        images = drawn
        for _ in range(repeats):
            images = joined(images, self.known)
        return images

    def examples(self) -> np.ndarray:
        """Return pixels of known images and of as many strangers, as a typical sample."""
        parts = (self.known, self.strangers)
        rng = np.random.default_rng(self.seed)
        return np.concatenate([part.pixels[rng.permutation(len(part))[:EXAMPLES]] for part in parts])

    def _divided(self, images: Images) -> tuple[Images, Images]:
        known_ones = images.labels < self.wanted
        return images.take(np.flatnonzero(known_ones)), images.take(np.flatnonzero(~known_ones))


def _without(images: Images, others: Images) -> Images:
    """Return the images that are not equal to any of the others."""
    seen = {content_hash(pixels) for pixels in others.pixels}
    return images.take(np.flatnonzero([content_hash(pixels) not in seen for pixels in images.pixels]))
