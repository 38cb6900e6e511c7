"""Validation of an endpoint's response."""

import json
from math import fsum

from classify.errors import InvalidPredictionError

FLOAT_ERROR = 1e-3  # a float32 softmax misses 0, 1 or the sum by less than this
# Values rounded to three digits miss the sum by at most half a unit of the last digit per class. The tolerance stops
# growing at a hundred classes, where it would otherwise accept almost anything.
ROUNDING_PER_CLASS, GREATEST_TOLERANCE = 5e-4, 5e-2
QUOTED = 80  # characters


def parse_probabilities(answer: bytes, labels: tuple[str, ...]) -> list[float]:
    """
    Read a JSON list with one probability for each label.

    Parameters
    ----------
    answer
        The body of the endpoint's response.
    labels
        The classes, in the order of the probabilities.

    Returns
    -------
    list[float]
        One for each label, each from 0 to 1; their sum is 1 within 0.001, or 0.0005 per label where that is more
        (0.05 at most). A value that misses 0 or 1 by a rounding error is set to that bound.

    Raises
    ------
    InvalidPredictionError
        For anything else, with the reason and the start of the response.
    """
    try:
        values = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise InvalidPredictionError(f"the endpoint's response is not JSON: {quote(answer)}") from error
    if not isinstance(values, list):
        raise InvalidPredictionError(f"the endpoint's response is not a list: {quote(answer)}")
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
                f"the endpoint returned a value that is not a probability: {quote(answer)}"
            )
    tolerance = max(FLOAT_ERROR, min(ROUNDING_PER_CLASS * len(labels), GREATEST_TOLERANCE))
    probabilities = [min(max(float(value), 0.0), 1.0) for value in values]
    if abs((total := fsum(probabilities)) - 1) > tolerance:
        raise InvalidPredictionError(
            f"the endpoint's probabilities sum to {total:.4f}, not 1: {quote(answer)}"
        )
    return probabilities


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


def quote(answer: bytes) -> str:
    """Return the start of a response as one printable line of at most 80 characters."""
    text = answer[: 4 * QUOTED].decode("utf-8", "replace")
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
