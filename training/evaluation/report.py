"""Measurements on one set of images, as numbers for a JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

_CURVE_POINTS = 101
_HISTOGRAM_BINS = 20


def measure(
    known: np.ndarray,
    labels: np.ndarray,
    strangers: np.ndarray,
    threshold: float,
    class_names: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Summarise the scores.

    Parameters
    ----------
    known
        Probabilities [N, C] of images of the model's classes.
    labels
        Their true classes [N].
    strangers
        Probabilities [M, C] of images of none of the classes; if M is 0, their metrics are None.
    threshold
        Lowest confidence that passes without a review.
    class_names
        In the order of the probabilities; None uses numbers.
    """
    names = class_names or [str(index) for index in range(known.shape[1])]
    right = known.argmax(1) == labels
    passed = known.max(1) >= threshold
    strangers_passed = strangers.max(1) >= threshold
    coverages, risks = metrics.risk_coverage(known, labels)
    confusion = metrics.confusion_matrix(known, labels)
    return {
        "images": len(labels),
        "accuracy": metrics.accuracy(known, labels),
        "accuracy_interval_95": _interval(right),
        "coverage": metrics.coverage(known, threshold),
        "coverage_interval_95": _interval(passed),
        "passed_accuracy": metrics.passed_accuracy(known, labels, threshold),
        "passed_accuracy_interval_95": _interval(right[passed]),
        "passed_right": [int(right[passed].sum()), int(passed.sum())],
        "passed_accuracy_at_least_95": _lower_bound(right[passed]),
        "calibration_error": metrics.calibration_error(known, labels),
        "strangers": len(strangers),
        "strangers_passed": float(strangers_passed.mean()) if len(strangers) else None,
        "strangers_passed_interval_95": _interval(strangers_passed),
        "risk_coverage_area": metrics.risk_coverage_area(coverages, risks),
        "risk_coverage": _curve(coverages, risks),
        "reliability": [asdict(found) for found in metrics.reliability(known, labels)],
        "confidence": {
            "edges": [edge / _HISTOGRAM_BINS for edge in range(_HISTOGRAM_BINS + 1)],
            "known": _histogram(known),
            "strangers": _histogram(strangers),
        },
        "confusion": confusion.tolist(),
        "per_class": _per_class(confusion, names),
    }


def _interval(successes: np.ndarray) -> tuple[float, float] | None:
    return metrics.wilson_interval(int(successes.sum()), len(successes)) if len(successes) else None


def _lower_bound(successes: np.ndarray) -> float | None:
    return metrics.exact_lower_bound(int(successes.sum()), len(successes)) if len(successes) else None


def _curve(coverages: np.ndarray, risks: np.ndarray) -> dict[str, list[float]]:
    """Return at most _CURVE_POINTS points of the curve, including both ends."""
    count = min(_CURVE_POINTS, len(coverages))
    chosen = np.unique(np.linspace(0, len(coverages) - 1, count).round().astype(int))
    return {"coverage": coverages[chosen].tolist(), "risk": risks[chosen].tolist()}


def _histogram(probabilities: np.ndarray) -> list[int]:
    counts: list[int] = np.histogram(probabilities.max(1), _HISTOGRAM_BINS, (0, 1))[0].tolist()
    return counts


def _per_class(confusion: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    precisions, recalls = metrics.precision_and_recall(confusion)
    images = confusion.sum(1)
    return {
        name: {"images": int(images[index]), "precision": precisions[index], "recall": recalls[index]}
        for index, name in enumerate(names)
    }
