"""Convert one record of the endpoint or the workflow to an observation. Nothing here reads files."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeGuard

from endpoint.errors import ImageError
from training.errors import TrainingError
from training.monitoring.image_statistics import image_statistics
from training.monitoring.observations import PASSED, REVIEW, Observation
from training.verification_images import is_verification_image

_PREDICTED = (PASSED, REVIEW)
_OUTCOMES = (*_PREDICTED, "rejected", "failed")
_REVIEWED = "reviewed"


class RecordError(TrainingError):
    """The record is invalid; the message is a one-line reason."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Facts that the records do not contain.

    Parameters
    ----------
    labels
        Labels of the probabilities in captures; None names them "class 0", "class 1", ...
    threshold
        Lowest confidence at which a capture passed.
    input_size
        Side of the model's square.
    """

    labels: tuple[str, ...] | None
    threshold: float
    input_size: int

    def capture(self, line: bytes) -> Observation:
        """Read a line of a Data Capture file.

        Raises
        ------
        RecordError
            It is not a record of Data Capture, or its response is not a list of probabilities.
        """
        content = _object(line)
        data = _part(content, "captureData")
        output = _part(data, "endpointOutput")
        inferences = _probabilities(_payload(output))
        labels = self.labels or tuple(f"class {index}" for index in range(len(inferences)))
        if len(labels) != len(inferences):
            raise RecordError(f"{len(inferences)} probabilities for {len(labels)} labels")
        confidence = max(inferences)
        return Observation(
            _time(_part(content, "eventMetadata").get("inferenceTime")),
            PASSED if confidence >= self.threshold else REVIEW,
            labels[inferences.index(confidence)],
            confidence,
            self._inputs(data.get("endpointInput")),
        )

    def _inputs(self, captured: object) -> dict[str, float]:
        """Return the statistics of the image; none if it was not captured or cannot be decoded."""
        if not isinstance(captured, dict) or captured.get("encoding") != "BASE64":
            return {}
        try:
            image = base64.b64decode(captured["data"], validate=True)
            return {**image_statistics(image, self.input_size), "sent_bytes": len(image)}
        except (KeyError, TypeError, ValueError, ImageError):
            return {}


def document(content: bytes) -> Observation | None:
    """Read a result document (docs/contracts/result.schema.json).

    Of an image about which a person has decided, the observation is what the model had said: the model is monitored.

    Returns
    -------
    Observation or None
        None for an image of `scones verify`, which does not come from a user, and for a person's label, which has its
        own object below labels/. A capture does not contain the image's origin, so captures of these images are read
        like others.

    Raises
    ------
    RecordError
        It is not one.
    """
    result = _object(content)
    if "outcome" not in result and "reviewer" in result:
        return None
    if result.get("outcome") == _REVIEWED:
        result |= _part(result, "model_said")
    outcome = result.get("outcome")
    if outcome not in _OUTCOMES:
        raise RecordError(f"outcome {outcome!r}: not a result document")
    image = result.get("image")
    if isinstance(image, dict) and is_verification_image(image.get("key")):
        return None
    moment = _time(result.get("finished_at"))
    if outcome not in _PREDICTED:
        return Observation(moment, outcome)
    if result.get("inferences", ()) is None and None in (result.get("label"), result.get("confidence")):
        return Observation(moment, outcome)  # made from a claim: the workflow's document had expired
    label, (confidence,) = result.get("label"), _probabilities([result.get("confidence")])
    if not isinstance(label, str):
        raise RecordError("no label")
    size = image.get("size") if isinstance(image, dict) else None
    inputs = {"object_bytes": float(size)} if _number(size) else {}
    return Observation(moment, outcome, label, confidence, inputs, _model_version(result.get("endpoint")))


def _model_version(endpoint: object) -> str | None:
    version = endpoint.get("model_version") if isinstance(endpoint, dict) else None
    return version if isinstance(version, str) else None


def _object(text: bytes | str) -> dict[str, Any]:
    content = _parsed(text)
    if not isinstance(content, dict):
        raise RecordError("not a JSON object")
    return content


def _parsed(text: bytes | str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"not JSON ({' '.join(str(error).split())})") from error


def _part(content: dict[str, Any], name: str) -> dict[str, Any]:
    part = content.get(name)
    if not isinstance(part, dict):
        raise RecordError(f"no {name}")
    return part


def _payload(captured: dict[str, Any]) -> Any:  # noqa: ANN401 - see _parsed
    """Return the captured JSON; SageMaker writes it in base64 unless JSON is configured as a JSON content type."""
    data, encoding = captured.get("data"), captured.get("encoding")
    if not isinstance(data, str) or encoding not in {"JSON", "BASE64"}:
        raise RecordError(f"the response's encoding {encoding!r} is neither JSON nor BASE64")
    try:
        return _parsed(base64.b64decode(data, validate=True) if encoding == "BASE64" else data)
    except binascii.Error as error:
        raise RecordError(f"the response is not base64 ({error})") from error


def _probabilities(values: object) -> list[float]:
    if (
        not isinstance(values, list)
        or not values
        or not all(_number(each) and 0 <= each <= 1 for each in values)
    ):
        raise RecordError("not a list of probabilities")
    return [float(each) for each in values]


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _time(text: object) -> float:
    try:
        moment = datetime.fromisoformat(text)  # type: ignore[arg-type]
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError) as error:
        raise RecordError(f"not a time ({text!r})") from error
