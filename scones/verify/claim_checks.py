"""Each image's claim is closed with the outcome that was seen, and a second event changes neither."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.claims import ClaimItem, read_claim
from scones.result_documents import Document, Outcome
from scones.verify.verification import Verification, object_event, start, wait_for_end

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

CLAIM: Final = "claim"
CLOSING_S: Final = 60
"""Seconds from the result document to the closed claim: what comes between is a message and a write."""
REPEAT: Final = "second start"
CLAIMED_BEFORE: Final = "claimed before"
QUIET_S: Final = 5
"""Seconds without a change after which the second execution of an EXPRESS workflow counts as ended: it has one
state to run, and its end cannot be asked for."""
_UNCHANGED: Final = ("execution", "attempts", "claimed_at", "finished_at", "outcome", "label")


def check_claims(verification: Verification) -> None:
    """Judge the claim of each image that has an outcome."""
    dynamodb = verification.connection.dynamodb()
    for image, document in verification.documents():
        name = verification.name_of(image)
        with verification.checklist.checking(CLAIM, name):
            item = wait_until_closed(verification, dynamodb, document)
            faults = claim_faults(item, document)
            detail = f"closed as {document.outcome}, attempt {item.get('attempts', '?')}"
            verification.checklist.judge(CLAIM, name, faults, detail)


def wait_until_closed(
    verification: Verification, dynamodb: "DynamoDBClient", document: Document
) -> ClaimItem:
    """Return a claim once it is closed, or as it is when the time is over."""
    table, key = verification.stack.claims_table, (document.image_key, document.image_etag)

    def look() -> ClaimItem | None:
        item = read_claim(dynamodb, table, *key)
        return item if "finished_at" in item else None

    return verification.poll(CLOSING_S, look) or read_claim(dynamodb, table, *key)


def claim_faults(item: ClaimItem, document: Document) -> list[str]:
    """Say what in a claim is not as "Close claim" leaves it."""
    if not item:
        return ["no claim"]
    if "finished_at" not in item:
        return [f"still open {CLOSING_S} s after the result document"]
    expected = {
        "outcome": str(document.outcome),
        "label": document.label,
        "execution": str(document.content.get("execution")),
    }
    faults = [
        f"{name} {item.get(name)}, not {value}" for name, value in expected.items() if item.get(name) != value
    ]
    shard = item.get("state_shard", "")
    if shard.startswith("open#"):
        faults.append("closed, yet it has an open state_shard: the sweep counts it as open")
    if shard.startswith("person#") != (document.outcome is Outcome.REVIEW):
        faults.append(
            f"{document.outcome}, yet its state_shard is {shard or 'absent'}: the review queue is wrong"
        )
    return faults


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored for one image: each version of its result, and its claim."""

    result_versions: tuple[tuple[str, str, str], ...]
    claim: ClaimItem


@dataclass(frozen=True, slots=True)
class Storage:
    """Where results and claims are."""

    s3: "S3Client"
    dynamodb: "DynamoDBClient"
    results_bucket: str
    claims_table: str

    def look(self, document: Document) -> Stored:
        """Return what is stored now for a document's image."""
        pages = self.s3.get_paginator("list_object_versions").paginate(
            Bucket=self.results_bucket, Prefix=document.result_key
        )
        versions = sorted(
            (item["VersionId"], item.get("ETag", ""), str(item["LastModified"]))
            for page in pages
            for item in page.get("Versions", [])
        )
        claim = read_claim(self.dynamodb, self.claims_table, document.image_key, document.image_etag)
        return Stored(tuple(versions), claim)


@dataclass(frozen=True, slots=True)
class Repeat:
    """An image that was started again."""

    name: str
    document: Document
    before: Stored
    execution: str


def check_repeat(verification: Verification) -> None:
    """Start each image again that has an outcome, all at once, and compare what is stored before and after."""
    connection, stack = verification.connection, verification.stack
    client = connection.stepfunctions()
    storage = Storage(connection.s3(), connection.dynamodb(), stack.results_bucket, stack.claims_table)
    repeats = []
    for number, (image, document) in enumerate(verification.documents(), start=1):
        name = verification.name_of(image)
        with verification.checklist.checking(REPEAT, name):
            before = storage.look(document)
            event = object_event(
                stack.image_bucket,
                dict(document.content["image"]),
                document.content.get("s3_request_id"),
            )
            execution = start(verification, client, f"again-{number}", event)
            repeats.append(Repeat(name, document, before, execution))
    verification.repeats = {repeat.name: repeat.execution for repeat in repeats}
    deadline = verification.pace.clock() + QUIET_S
    for repeat in repeats:
        with verification.checklist.checking(REPEAT, repeat.name):
            if verification.is_express:
                left_s = max(0.0, deadline - verification.pace.clock())
                faults = _changed_within(verification, storage, repeat, left_s)
                detail = f"nothing changed for {QUIET_S} s; an EXPRESS execution cannot be asked how it ended"
            else:
                faults = _wrong_end(verification, client, repeat.execution)
                faults += changes(repeat.before, storage.look(repeat.document))
                detail = f"ended as {CLAIMED_BEFORE}; document and claim unchanged"
            verification.checklist.judge(REPEAT, repeat.name, faults, detail)


def changes(before: Stored, after: Stored) -> list[str]:
    """Say what is stored otherwise than before."""
    faults = []
    if before.result_versions != after.result_versions:
        count = len(after.result_versions) - len(before.result_versions)
        faults.append(f"the result document was written again ({count} more versions)")
    faults += [
        f"the claim's {name} went from {before.claim.get(name)} to {after.claim.get(name)}"
        for name in _UNCHANGED
        if before.claim.get(name) != after.claim.get(name)
    ]
    return faults


def _wrong_end(verification: Verification, client: "SFNClient", execution: str) -> list[str]:
    ended = wait_for_end(verification, client, execution)
    if ended is None:
        return ["its execution has not ended"]
    if ended["status"] != "SUCCEEDED":
        return [f"its execution {ended['status']}: {ended.get('error', '')} {ended.get('cause', '')}".strip()]
    try:
        outcome = json.loads(ended.get("output", "")).get("outcome")
    except (ValueError, AttributeError):
        outcome = ended.get("output")
    return [] if outcome == CLAIMED_BEFORE else [f"its execution ended as {outcome}, not {CLAIMED_BEFORE}"]


def _changed_within(
    verification: Verification, storage: Storage, repeat: Repeat, seconds: float
) -> list[str]:
    def look() -> list[str] | None:
        return changes(repeat.before, storage.look(repeat.document)) or None

    return verification.poll(seconds, look) or []
