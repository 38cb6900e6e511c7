"""The images of a run, and whether each has exactly one outcome with a document as the contract promises."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final

from scones.drop.display import progress_of
from scones.drop.run import Drop, ResultsWatch
from scones.drop.uploads import Image, Uploads
from scones.errors import SconesError
from scones.result_documents import (
    VERIFICATION_FOLDER,
    Document,
    Outcome,
    list_results,
    outcome_prefixes,
    result_key,
)
from scones.stack import Stack
from scones.terminal import confidence_text
from scones.verify.verification import Verification

TEXT: Final = "not-an-image.txt"
"""The one that has to be rejected; how the model judges the others is the user's affair."""
SAMPLES: Final = ("bicycle.png", "motorcycle.png", "scone.png", TEXT)
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
OUTCOME, DOCUMENT = "outcome", "result document"


@contextmanager
def sample_files() -> Iterator[list[Path]]:
    """Hold the samples as files; they are packaged, drawn by `events/draw.py`."""
    with as_file(files("scones.verify") / "samples") as folder:
        yield [folder / name for name in SAMPLES]


def require_keys(stack: Stack) -> None:
    """See that the stack takes the samples, before anything is made for them.

    Raises
    ------
    SconesError
        When it does not.
    """
    keys = stack.keys
    if any(refusal := keys.refusal(keys.folder(f"{VERIFICATION_FOLDER}/{name}")) for name in SAMPLES):
        message = (
            f"cannot verify: {refusal}, and the samples are {', '.join(SAMPLES)}. "
            "`scones drop PHOTO` shows whether an image of yours gets its outcome"
        )
        raise SconesError(message)


def drop_samples(verification: Verification, *, visible: bool) -> None:
    """Upload the samples and wait until each has its outcome or the time is over."""
    connection, stack = verification.connection, verification.stack
    s3 = connection.s3()
    with sample_files() as paths:
        verification.images = [Image(path, f"{verification.folder_key}{path.name}") for path in paths]
        verification.sizes = {image.key: image.path.stat().st_size for image in verification.images}
        watch = ResultsWatch(
            s3, stack.results_bucket, outcome_prefixes(stack.labels, verification.folder_key)
        )
        uploads = Uploads(s3, stack.image_bucket, verification.pace.clock)
        with progress_of(verification.images, visible=visible, wait=True) as progress:
            Drop(verification.images, verification.pace, progress.count).run(
                uploads, watch, verification.timeout_s
            )


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
    elif (confidence >= threshold) != (document.outcome is Outcome.PASSED) and not _is_held_back(document):
        yield f"{document.outcome} with confidence {confidence} at threshold {threshold}"


def _is_held_back(document: Document) -> bool:
    """Whether it goes to a person although it reaches the threshold, for want of a certificate: the reason says so."""
    return document.outcome is Outcome.REVIEW and " reaches the threshold of " in (document.reason or "")


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


def check_outcomes(verification: Verification) -> None:
    """Judge the outcome and the document of each image."""
    counts = _count_results(verification)
    for image in verification.images:
        name = verification.name_of(image)
        if image.document is None:
            verification.checklist.failed(OUTCOME, name, _why_none(verification, image))
            continue
        faults = _outcome_faults(name, image.document)
        found = counts[f"{name}/{image.document.image_etag}.json"]
        if found != 1:
            faults.append(f"{found} result documents, not one")
        verification.checklist.judge(OUTCOME, name, faults, _seen(image, image.document))
        _check_document(verification, image, image.document)


def _check_document(verification: Verification, image: Image, document: Document) -> None:
    stack = verification.stack
    faults = document_faults(document, stack.labels)
    expected = result_key(document.outcome, document.label, document.image_key, document.image_etag)
    if document.result_key != expected:
        faults.append(f"stored as {document.result_key}, not {expected}")
    size, uploaded = document.content["image"].get("size"), verification.sizes[image.key]
    if size != uploaded:
        faults.append(f"image size {size}, not {uploaded}")
    if document.content["image"].get("bucket") != stack.image_bucket:
        faults.append(f"image of bucket {document.content['image'].get('bucket')}")
    verification.checklist.judge(DOCUMENT, verification.name_of(image), faults, document.result_key)


def _outcome_faults(name: str, document: Document) -> list[str]:
    if name == TEXT:
        wanted: tuple[Outcome, ...] = (Outcome.REJECTED,)
    else:
        wanted = (Outcome.PASSED, Outcome.REVIEW)
    if document.outcome in wanted:
        return []
    return [f"{document.outcome}, not {' or '.join(wanted)}: {document.reason or 'no reason'}"]


def _seen(image: Image, document: Document) -> str:
    verdict = f", {document.label} {confidence_text(document.confidence)}" if document.label else ""
    reason = f", {document.reason}" if document.reason and not document.label else ""
    return f"{document.outcome}{verdict}{reason} after {image.seconds or 0:.1f} s"


def _why_none(verification: Verification, image: Image) -> str:
    if image.problem:
        return image.problem
    return (
        f"no outcome within {verification.timeout_s:g} s: see `scones status{verification.connection.options}` "
        f"and `scones doctor{verification.connection.options}`"
    )


def _count_results(verification: Verification) -> Counter[str]:
    """Count the results of each image below whatever outcome."""
    s3, stack = verification.connection.s3(), verification.stack
    counts: Counter[str] = Counter()
    for prefix in outcome_prefixes(stack.labels, verification.folder_key):
        for item in list_results(s3, stack.results_bucket, prefix):
            counts[item.key.removeprefix(prefix)] += 1
    return counts
