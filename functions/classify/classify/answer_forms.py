"""
The forms in which common containers give the probabilities of one image.

- `[p, p]`, and `{"prediction": [p, p]}`: SageMaker developer guide, "Image Classification - MXNet", JSON and JSON Lines
- `{"probabilities": [p, p], "labels": [l, l], "predicted_label": l}`, the last two optional: the same guide, "Input and
  output interface for the Image Classification - TensorFlow algorithm"
- `{"predictions": [[p, p]]}`: TensorFlow Serving, "RESTful API", predict in row format
- `[[p, p]]`, and `p,p` as one line of CSV: SageMaker Inference Toolkit, the encoder of the PyTorch container's default
  `output_fn`
- `[{"label": l, "score": p}, ...]`, in any order: Hugging Face Transformers, `ImageClassificationPipeline`
"""

import json
import re
from typing import Any

from classify.errors import InvalidPredictionError

QUOTED = 80  # characters
KEYS = ("probabilities", "predictions", "prediction")
# Finite numbers as Python and NumPy print them, with commas between, on one line. Possessive: an answer of a million
# digits is read once.
NUMBER = rb"[-+]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][-+]?\d{1,3})?"
CSV = re.compile(rb"\s*+%b(?:[ \t]*+,[ \t]*+%b)++\s*+" % (NUMBER, NUMBER))


def read_form(answer: bytes) -> tuple[list[Any], list[Any] | None]:
    """
    Return the values of an answer, and the labels that it names them by, as many as values; None where it names none.

    Raises
    ------
    InvalidPredictionError
        When it has none of the forms. The values may still be anything.
    """
    content = _content(answer)
    named = None
    if isinstance(content, dict):
        keys = [key for key in KEYS if key in content]
        if len(keys) == 1:
            named = content.get("labels") if keys[0] == "probabilities" else None
            content = content[keys[0]]
    values = _of_one_image(content)
    if not isinstance(values, list):
        raise InvalidPredictionError(f"the endpoint's response is not a list: {quote(answer)}")
    if values and all(isinstance(value, dict) and {"label", "score"} <= value.keys() for value in values):
        return [value["score"] for value in values], [value["label"] for value in values]
    named = _of_one_image(named)
    if named is not None and (not isinstance(named, list) or len(named) != len(values)):
        raise InvalidPredictionError(f"the endpoint returned other labels than values: {quote(answer)}")
    return values, named


def _of_one_image(values: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the only row of a batch."""
    is_batch = isinstance(values, list) and len(values) == 1 and isinstance(values[0], list)
    return values[0] if is_batch else values


def _content(answer: bytes) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(answer)
    except (ValueError, RecursionError) as error:
        if CSV.fullmatch(answer):
            return [float(value) for value in answer.split(b",")]
        raise InvalidPredictionError(
            f"the endpoint's response is neither JSON nor a line of numbers: {quote(answer)}"
        ) from error


def quote(answer: bytes) -> str:
    """Return the start of a response as one printable line of at most 80 characters."""
    text = answer[: 4 * QUOTED].decode("utf-8", "replace")
    line = "".join(character if character.isprintable() else " " for character in text)
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"
