"""Metrics of a classifier's scores: intervals, coverage, calibration. Pure NumPy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

ECE_BINS = 15
_HALVINGS = 40
_TEMPERATURES = np.exp(np.linspace(math.log(0.2), math.log(5.0), 801))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    shares: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return shares


def fit_temperature(logits: np.ndarray, labels: np.ndarray, strangers: np.ndarray) -> float:
    """Return the temperature in 0.2 .. 5 that fits both images of the classes and strangers.

    Known images alone would favour sharp distributions, also for strangers: after outlier exposure, the
    likelihood of a few images, nearly all classified correctly, is highest at a temperature near zero. So the loss
    is the known images' negative log-likelihood plus the strangers' cross-entropy to the uniform distribution.

    Parameters
    ----------
    logits
        Of images of the classes, [N, C].
    labels
        Their classes, [N].
    strangers
        Logits of images of none of the classes, [M, C]; M may be 0.
    """

    def loss(temperature: float) -> float:
        known = _log(softmax(logits / temperature))[np.arange(len(labels)), labels]
        flat = _log(softmax(strangers / temperature)).mean() if len(strangers) else 0.0
        return -float(known.mean() + flat)

    return float(min(_TEMPERATURES, key=loss))


def _log(probabilities: np.ndarray) -> np.ndarray:
    logarithms: np.ndarray = np.log(np.maximum(probabilities, 1e-12))
    return logarithms


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images whose most probable class is the label."""
    return float((probabilities.argmax(1) == labels).mean())


def coverage(probabilities: np.ndarray, threshold: float) -> float:
    """Return the share of images whose confidence reaches the threshold; 0 if there are no images."""
    return float((probabilities.max(1) >= threshold).mean()) if len(probabilities) else 0.0


def passed_accuracy(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> float | None:
    """Return the accuracy among images whose confidence reaches the threshold; None if none does."""
    passed = probabilities.max(1) >= threshold
    return accuracy(probabilities[passed], labels[passed]) if passed.any() else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Images whose confidence is in [low, high); the last bin includes 1. None if there are no images."""

    low: float
    high: float
    images: int
    confidence: float | None
    accuracy: float | None


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> list[Bin]:
    """Return mean confidence and accuracy in bins of equal width (a reliability diagram)."""
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    slots = np.minimum((confidence * bins).astype(int), bins - 1)
    found = []
    for slot in range(bins):
        inside = slots == slot
        means = (
            (float(confidence[inside].mean()), float(right[inside].mean())) if inside.any() else (None,) * 2
        )
        found.append(Bin(slot / bins, (slot + 1) / bins, int(inside.sum()), *means))
    return found


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error: each bin's gap, weighted by its share of the images.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    gaps = (
        found.images * abs(found.confidence - found.accuracy)
        for found in reliability(probabilities, labels, bins)
        if found.confidence is not None and found.accuracy is not None
    )
    return sum(gaps) / len(labels)


def confusion_matrix(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return counts [C, C]: a row for each true class, a column for each predicted class."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def precision_and_recall(confusion: np.ndarray) -> tuple[list[float | None], list[float | None]]:
    """Return both per class; None for a class never predicted, or without images."""
    right = np.diag(confusion)
    return _ratios(right, confusion.sum(0)), _ratios(right, confusion.sum(1))


def _ratios(parts: np.ndarray, wholes: np.ndarray) -> list[float | None]:
    return [int(part) / int(whole) if whole else None for part, whole in zip(parts, wholes, strict=True)]


def risk_coverage(probabilities: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (coverage, risk) at every distinct confidence, the highest first.

    Coverage is the share of images that pass, risk the share of errors among them; equally confident images
    pass together. El-Yaniv and Wiener, "On the foundations of noise-free selective classification", 2010.
    """
    confidence = probabilities.max(1)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum((probabilities.argmax(1) != labels)[order])
    last_of_equals = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    passed = last_of_equals + 1
    return passed / len(labels), wrong[last_of_equals] / passed


def risk_coverage_area(coverages: np.ndarray, risks: np.ndarray) -> float:
    """Return the area under the curve: the mean risk over all coverages. 0 is perfect.

    Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", 2019.
    """
    return float((np.diff(coverages, prepend=0) * risks).sum())


def exact_lower_bound(successes: int, total: int, confidence: float = 0.95) -> float:
    """Return the one-sided exact lower bound of a share: 188 of 191 right says no more than "0.960 or more".

    The share at which `successes` or more of `total` have the probability 1 - confidence. Clopper and Pearson, "The use
    of confidence or fiducial limits illustrated in the case of the binomial", 1934.
    """

    def at_least(share: float) -> float:
        return sum(
            math.comb(total, count) * share**count * (1 - share) ** (total - count)
            for count in range(successes, total + 1)
        )

    low, high = 0.0, successes / total
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if at_least(middle) > 1 - confidence else (middle, high)
    return low


def wilson_interval(successes: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    share = successes / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)
