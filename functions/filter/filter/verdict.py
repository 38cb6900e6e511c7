"""Decide whether a prediction is confident enough to pass without a review."""

from collections.abc import Mapping

from filter.contract import FilterResponse
from filter.errors import InvalidPredictionError


def judge(
    inferences: list[float], labels: tuple[str, ...], thresholds: Mapping[str, float]
) -> FilterResponse:
    """
    Take the most probable label and compare its probability with its threshold, without rounding.

    Of equally probable labels, the first one is taken.

    Parameters
    ----------
    inferences
        One probability for each label, in the order of the labels.
    thresholds
        Lowest confidence that passes, for each label.

    Raises
    ------
    InvalidPredictionError
        When the inferences are not one probability for each label.
    """
    if not isinstance(inferences, list) or len(inferences) != len(labels):
        raise InvalidPredictionError(
            f"inferences must be a list of {len(labels)}, one for each of {', '.join(labels)}"
        )
    if not all(_is_probability(value) for value in inferences):
        raise InvalidPredictionError("inferences must be numbers from 0 to 1")
    confidence = max(inferences)
    label = labels[inferences.index(confidence)]
    threshold = thresholds[label]
    return {
        "passed": confidence >= threshold,
        "label": label,
        "confidence": confidence,
        "threshold": threshold,
    }


def refused(verdict: FilterResponse, refusal: str | None) -> FilterResponse:
    """Return the verdict of an image that may not pass; `refusal` says why, None that it may."""
    if refusal is None or not verdict["passed"]:
        return verdict
    return {**verdict, "passed": False, "reason": refusal}


def _is_probability(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
