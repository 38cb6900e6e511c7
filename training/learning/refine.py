"""Train a finished model further: on reviewed pictures, while it rehearses the archive's images."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
import torch

from training.dataset.prepared_folder import UNSURE, joined
from training.dataset.reviewed_pictures import as_images
from training.learning.calibrate import calibrate
from training.learning.export import Trained
from training.learning.fit import Fitting, Machine, Phase, logits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.dataset.archive import Images
    from training.dataset.reviewed_pictures import Picture, Pictures
    from training.learning.curriculum import Curriculum
    from training.learning.run_log import RunLog

PEAK_RATE = 0.01  # a third of fine-tuning's: the network is finished
REHEARSED = 1500  # the archive's images of other classes in an epoch, besides all of the wanted ones
SHOWN = 2000  # views of reviewed pictures in an epoch, by repeating them
MOST_REPEATS = 8


def refine(trained: Trained, archive: Curriculum, pictures: Pictures, epochs: int, log: RunLog) -> Trained:
    """Return the network after learning from the pictures, calibrated anew.

    Each view of a picture is an image of its own. Calibration uses the archive's validation images and the
    pictures that are held out for it, none of which was trained on.

    Parameters
    ----------
    trained
        The finished model; its network is changed.
    archive
        Images to rehearse and to calibrate on, for the model's classes.
    pictures
        Reviewed pictures, divided.
    epochs
        Passes over the pictures, repeated to about SHOWN views each.
    """
    machine, views = Machine.detect(), as_images(pictures.train)
    repeats = max(1, min(MOST_REPEATS, round(SHOWN / max(1, len(views)))))

    def images(epoch: int) -> Images:
        order = np.random.default_rng([archive.seed, epoch]).permutation(len(archive.strangers))
        shown = joined(archive.strangers.take(order[:REHEARSED]), archive.known)
        for _ in range(repeats):
            shown = joined(shown, views)
        return shown

    phase = Phase("improve", epochs, PEAK_RATE, wanted=archive.wanted if _has_strangers(archive) else 0)
    fitting = Fitting(trained.network, phase, images, machine, archive.seed)
    while fitting.epoch < epochs:
        started = time.monotonic()
        loss = fitting.run_epoch()
        log.line(f"improve {fitting.epoch}/{epochs}: loss {loss:.3f}, {time.monotonic() - started:.0f} s")
    return _calibrated(trained, archive, pictures, machine)


def _calibrated(trained: Trained, archive: Curriculum, pictures: Pictures, machine: Machine) -> Trained:
    exactly = Machine(machine.device, half=False)
    known, strange = archive.known_validation(), archive.strange_validation()
    held_out = [picture for picture in pictures.validation if picture.label != UNSURE]
    outside = [picture for picture in pictures.validation if picture.label == UNSURE]
    logits, strangers = (
        logits_of(trained.network, joined(images, as_images(more)).pixels, exactly)
        for images, more in ((known, held_out), (strange, outside))
    )
    labels = np.concatenate([known.labels, np.array([picture.label for picture in held_out], np.int64)])
    numbers = _numbers(len(known), held_out), _numbers(len(strange), outside)
    found = calibrate(logits, labels, strangers, archive.wanted, numbers)
    with torch.no_grad():
        trained.network.head.bias[archive.wanted :] += found.caution
    return Trained(trained.network, trained.labels, found.temperature)


def _numbers(images: int, pictures: Sequence[Picture]) -> np.ndarray:
    """Return the number of each view's picture, after images that are pictures of one view."""
    views = [len(picture.views) for picture in pictures]
    return np.concatenate([np.arange(images), images + np.repeat(np.arange(len(views)), views)]).astype(int)


def _has_strangers(archive: Curriculum) -> bool:
    return archive.outputs > archive.wanted
