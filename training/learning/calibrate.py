"""Calibration from logits to probabilities: temperature, and a bias towards "none of these"."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluation import metrics

THRESHOLD = 0.8
STRANGERS_PASSING = 0.012  # target share of strangers that pass THRESHOLD
_TEMPERATURES = np.exp(np.linspace(math.log(0.4), math.log(2.5), 93))
_CAUTION = 20.0  # no improvement beyond
_HALVINGS = 24


@dataclass(frozen=True, slots=True)
class Calibration:
    """The temperature, and the caution: a bias added to the logits of all classes that are not wanted."""

    temperature: float
    caution: float


def answer(logits: np.ndarray, wanted: int, calibration: Calibration = Calibration(1.0, 0.0)) -> np.ndarray:
    """Return the probabilities [N, wanted] of logits [N, all classes], of which the first are the wanted.

    The probability of "none of these" is spread evenly over them, so a stranger's probabilities are uniform.
    """
    return _spread(
        _grouped(logits, wanted, calibration.temperature), calibration.caution / calibration.temperature
    )


def calibrate(
    logits: np.ndarray,
    labels: np.ndarray,
    strangers: np.ndarray,
    wanted: int,
    pictures: tuple[np.ndarray, np.ndarray] | None = None,
) -> Calibration:
    """Return the calibration for images that were not used in training.

    For each temperature, the smallest caution is found at which few enough strangers pass; of these pairs, the one
    with the highest likelihood of the known images' labels is returned.

    Parameters
    ----------
    logits
        Of images of the wanted classes, [N, all classes].
    labels
        Their classes, [N].
    strangers
        Logits of images of the other classes, [M, all classes]; M may be 0, then there is no caution.
    wanted
        Number of wanted classes.
    pictures
        For each row of `logits`, and of `strangers`, the number of the picture of which it is a view: the mean of its
        views is what is calibrated, as the predictor answers it. None if each row is a picture.
    """
    of_known, of_strangers = pictures or (np.arange(len(logits)), np.arange(len(strangers)))

    def pair(temperature: float) -> tuple[float, Calibration]:
        grouped = _grouped(strangers, wanted, temperature)
        shift = _least_shift(grouped, of_strangers) if len(strangers) else 0.0
        answers = mean_of_views(_spread(_grouped(logits, wanted, temperature), shift), of_known)
        known = answers[np.arange(len(labels)), labels]
        return -float(np.log(np.maximum(known, 1e-12)).mean()), Calibration(temperature, shift * temperature)

    return min(map(pair, map(float, _TEMPERATURES)), key=lambda found: found[0])[1]


def mean_of_views(probabilities: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """Return the answers [P, C] to pictures, given those to their views [N, C] and the picture of each view [N]."""
    total = np.zeros((int(pictures.max(initial=-1)) + 1, probabilities.shape[1]))
    np.add.at(total, pictures, probabilities)
    means: np.ndarray = total / np.bincount(pictures, minlength=len(total))[:, None]
    return means


def summary(labels: np.ndarray, known: np.ndarray, strangers: np.ndarray) -> dict[str, Any]:
    """Return metrics of the probabilities: of known images, whose labels are given, and of strangers."""
    return {
        "images": len(labels),
        "accuracy": metrics.accuracy(known, labels),
        "coverage": metrics.coverage(known, THRESHOLD),
        "passed_accuracy": metrics.passed_accuracy(known, labels, THRESHOLD),
        "calibration_error": metrics.calibration_error(known, labels),
        "strangers": len(strangers),
        "strangers_passed": metrics.coverage(strangers, THRESHOLD),
    }


def _grouped(logits: np.ndarray, wanted: int, temperature: float) -> np.ndarray:
    """Return log-probabilities [N, wanted + 1]: the wanted classes, and none of them."""
    every = metrics.softmax(logits.astype(np.float64) / temperature)
    none = every[:, wanted:].sum(1, keepdims=True)
    logarithms: np.ndarray = np.log(np.maximum(np.concatenate([every[:, :wanted], none], 1), 1e-300))
    return logarithms


def _spread(grouped: np.ndarray, shift: float) -> np.ndarray:
    """Return the output probabilities after adding `shift` to the last log-probability."""
    wanted = grouped.shape[1] - 1
    every = metrics.softmax(grouped + np.append(np.zeros(wanted), shift))
    spread: np.ndarray = every[:, :wanted] + every[:, wanted:] / wanted
    return spread


def _least_shift(grouped: np.ndarray, pictures: np.ndarray) -> float:
    """Return the least shift, to a small tolerance, at which at most STRANGERS_PASSING of these pass."""
    low, high = -_CAUTION, _CAUTION
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        answers = mean_of_views(_spread(grouped, middle), pictures)
        if metrics.coverage(answers, THRESHOLD) > STRANGERS_PASSING:
            low = middle
        else:
            high = middle
    return high
