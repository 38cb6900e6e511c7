"""Validation of an endpoint's response."""

from math import fsum
from typing import Any

from classify.answer_forms import quote, read_form
from classify.errors import InvalidPredictionError

FLOAT_ERROR = 1e-3  # a float32 softmax misses 0, 1 or the sum by less than this
# Values rounded to three digits miss the sum by at most half a unit of the last digit per class. The tolerance stops
# growing at a hundred classes, where it would otherwise accept almost anything.
ROUNDING_PER_CLASS, GREATEST_TOLERANCE = 5e-4, 5e-2
MOST_LOGIT = 1e6  # a finite number that a network may return before a softmax


def parse_probabilities(answer: bytes, labels: tuple[str, ...]) -> list[float]:
    """
    Read one probability for each label, in any form that `answer_forms` knows.

    Parameters
    ----------
    answer
        The body of the endpoint's response.
    labels
        The classes, in the order of the probabilities.

    Returns
    -------
    list[float]
        One for each label, in the order of `labels`, each from 0 to 1; their sum is 1 within 0.001, or 0.0005 per label
        where that is more (0.05 at most). A value that misses 0 or 1 by a rounding error is set to that bound.

    Raises
    ------
    InvalidPredictionError
        For anything else, with the reason and the start of the response.
    """
    values, named = read_form(answer)
    if named is not None:
        values = _in_order(values, named, labels)
    if len(values) != len(labels):
        wanted = f"{len(labels)} labels ({', '.join(labels)})"
        raise InvalidPredictionError(
            f"the endpoint returned {len(values)} values for {wanted}: {quote(answer)}"
        )
    for value in values:
        # In Python, bool is an int. Python's json reads NaN, Infinity and 1e999, which are not JSON: NaN fails both
        # comparisons, and an infinity fails one of them.
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_near(value):
            raise InvalidPredictionError(
                f"the endpoint returned a value that is not a probability{_advice(values)}: {quote(answer)}"
            )
    tolerance = max(FLOAT_ERROR, min(ROUNDING_PER_CLASS * len(labels), GREATEST_TOLERANCE))
    probabilities = [min(max(float(value), 0.0), 1.0) for value in values]
    if abs((total := fsum(probabilities)) - 1) > tolerance:
        raise InvalidPredictionError(
            f"the endpoint's probabilities sum to {total:.4f}, not 1: {quote(answer)}"
        )
    return probabilities


def _in_order(values: list[Any], named: list[Any], labels: tuple[str, ...]) -> list[Any]:
    names = [name for name in named if isinstance(name, str)]
    if sorted(names) != sorted(labels) or len(names) != len(named):
        stated = quote(",".join(names).encode("utf-8", "replace"))
        raise InvalidPredictionError(
            f"the endpoint names the labels {stated}, not exactly {quote(','.join(labels).encode())}: deploy the stack "
            "with the model's labels (parameter Labels), or let the model name these, and all of them (id2label, top_k)"
        )
    by_name = dict(zip(names, values, strict=True))
    return [by_name[label] for label in labels]


def _advice(values: list[Any]) -> str:
    """Say what to change where the values are numbers, but those before a softmax."""
    are_numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MOST_LOGIT
        for value in values
    )
    return " (are these logits? end the model with a softmax)" if are_numbers else ""


def _is_near(value: float) -> bool:
    return -FLOAT_ERROR <= value <= 1 + FLOAT_ERROR


def require_labels(of_model: tuple[str, ...] | None, labels: tuple[str, ...]) -> None:
    """
    Compare the model's labels with the stack's: other names or another order would put images under wrong labels.

    Parameters
    ----------
    of_model
        None where the endpoint does not state them.

    Raises
    ------
    InvalidPredictionError
        When they differ, with the next step.
    """
    if of_model is not None and of_model != labels:
        stated = quote(",".join(of_model).encode())
        raise InvalidPredictionError(
            f"the endpoint's model has the labels {stated}, the stack has {quote(','.join(labels).encode())}: "
            "deploy the stack with the model's labels (parameter Labels), or the endpoint with another model"
        )
