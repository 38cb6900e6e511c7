"""Each image has exactly one outcome, the right one, and its document is what the contract promises."""

from collections import Counter

from scones.console import confidence_text
from scones.drop.uploads import Image
from scones.result_documents import Document, Outcome, list_results, outcome_prefixes
from scones.verify.document_contract import document_faults, expected_result_key
from scones.verify.sample_drop import TEXT
from scones.verify.verification import Verification

OUTCOME, DOCUMENT = "outcome", "result document"


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
    expected = expected_result_key(document, stack.incoming_prefix)
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
    s3, stack, names = verification.connection.s3(), verification.stack, verification.names
    counts: Counter[str] = Counter()
    for prefix in outcome_prefixes(stack.labels, names.folder):
        for item in list_results(s3, stack.results_bucket, prefix):
            counts[item.key.removeprefix(prefix)] += 1
    return counts
