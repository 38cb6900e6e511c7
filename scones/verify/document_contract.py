"""What a result document has to hold, by code: `docs/contracts/result.schema.json` is not shipped, nor a validator."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from scones.result_documents import Document, Outcome

_FIELDS: Final = (
    *(
        "schema_version",
        "outcome",
        "reason",
        "image",
        "label",
        "confidence",
        "threshold",
        "inferences",
        "labels",
    ),
    *("endpoint", "execution", "s3_request_id", "started_at", "finished_at", "error"),
)
_PREDICTED: Final = (Outcome.PASSED, Outcome.REVIEW)


def document_faults(document: Document, labels: Sequence[str]) -> list[str]:
    """Say what in a result document is not as the contract has it; nothing where it is.

    Parameters
    ----------
    document
        As it was read.
    labels
        The classes that the stack is deployed with.
    """
    content = document.content
    missing = [name for name in _FIELDS if name not in content]
    if missing:
        return [f"no {', '.join(missing)}"]
    faults = list(_common_faults(content, labels))
    if document.outcome in _PREDICTED:
        faults += _prediction_faults(document, content, labels)
    else:
        faults += _error_faults(content["error"])
    return faults


def expected_result_key(document: Document, incoming_prefix: str) -> str:
    """Return the key under which a document has to be, for image keys short enough to stand unshortened."""
    label = f"{document.label}/" if document.outcome is Outcome.PASSED else ""
    below = document.image_key.removeprefix(incoming_prefix)
    return f"{document.outcome}/{label}{below}/{document.image_etag}.json"


def _common_faults(content: Mapping[str, Any], labels: Sequence[str]) -> Iterator[str]:
    if content["schema_version"] != "1":
        yield f"schema_version {content['schema_version']!r}, not '1'"
    if not _is_text(content["reason"]):
        yield "no reason"
    if not _is_text(content["execution"]):
        yield "no execution"
    if content["labels"] != list(labels):
        yield f"labels {content['labels']}, not the stack's {list(labels)}"
    image = content["image"]
    if not isinstance(image.get("size"), int) or not {"bucket", "version_id", "sequencer"} <= image.keys():
        yield "image without bucket, size, version_id or sequencer"
    for name in ("started_at", "finished_at"):
        if not _is_time(content[name]):
            yield f"{name} {content[name]!r} is not a time"


def _prediction_faults(
    document: Document, content: Mapping[str, Any], labels: Sequence[str]
) -> Iterator[str]:
    inferences, threshold, confidence = content["inferences"], content["threshold"], content["confidence"]
    if content["error"] is not None:
        yield "an error beside a prediction"
    if not isinstance(inferences, list) or not all(map(_is_share, inferences)):
        yield "inferences are not a list of probabilities"
    elif len(inferences) != len(labels):
        yield f"{len(inferences)} probabilities for {len(labels)} labels"
    if document.label not in labels:
        yield f"label {document.label!r} is not one of the stack's"
    endpoint = content["endpoint"]
    if not (isinstance(endpoint, dict) and _is_text(endpoint.get("name")) and "variant" in endpoint):
        yield "no endpoint"
    if not _is_share(confidence) or not _is_share(threshold):
        yield f"confidence {confidence!r} and threshold {threshold!r} are not both from 0 to 1"
    elif (confidence >= threshold) != (document.outcome is Outcome.PASSED):
        yield f"{document.outcome} with confidence {confidence} at threshold {threshold}"


def _error_faults(error: object) -> Iterator[str]:
    named = ("name", "message", "state")
    if not (isinstance(error, dict) and all(isinstance(error.get(name), str) for name in named)):
        yield f"no error with {', '.join(named)}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_share(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= 1  # type: ignore[arg-type,operator]


def _is_time(value: object) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True
