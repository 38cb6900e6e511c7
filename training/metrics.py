"""What the scores of a classifier are worth: intervals, coverage, calibration. Pure NumPy."""

from __future__ import annotations

import math

import numpy as np

ECE_BINS = 15
_TEMPERATURES = np.exp(np.linspace(math.log(0.2), math.log(5.0), 801))


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def fit_temperature(logits: np.ndarray, labels: np.ndarray, strangers: np.ndarray) -> float:
    """Return the temperature in 0.2 .. 5 that suits images of the classes and strangers alike.

    Known images alone would ask for sharp answers, which strangers get too: after outlier exposure the
    likelihood of a handful of images, nearly all right, has its best temperature near zero. So the loss is
    the known images' negative log-likelihood plus the strangers' cross-entropy to the flat answer.

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
    return np.log(np.maximum(probabilities, 1e-12))


def accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return the share whose largest probability is the label's."""
    return float((probabilities.argmax(1) == labels).mean())


def coverage(probabilities: np.ndarray, threshold: float) -> float:
    """Return the share whose confidence reaches the threshold; 0 where there is none."""
    return float((probabilities.max(1) >= threshold).mean()) if len(probabilities) else 0.0


def passed_accuracy(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> float | None:
    """Return the accuracy among those whose confidence reaches the threshold; None where none does."""
    passed = probabilities.max(1) >= threshold
    return accuracy(probabilities[passed], labels[passed]) if passed.any() else None


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = ECE_BINS) -> float:
    """Return the expected calibration error over bins of equal width.

    Each bin's gap between mean confidence and accuracy, weighted by its share of the images.
    """
    confidence = probabilities.max(1)
    right = probabilities.argmax(1) == labels
    slot = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(float(confidence[slot == k].sum() - right[slot == k].sum())) for k in range(bins)]
    return sum(gaps) / len(labels)


def wilson_interval(successes: int, total: int, z: float = 1.959964) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    share = successes / total
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return max(0.0, middle - half), min(1.0, middle + half)
