"""The claims table: which execution has an image, and the outcome it has."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import batched
from typing import TYPE_CHECKING, Any

from scones.decisions.decision import Entry
from scones.decisions.slips import hides_verdict
from scones.errors import SconesError, is_denied
from scones.result_documents import Outcome, result_key

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type ClaimItem = Mapping[str, str]
"""All attributes of a claim, each as text."""

_BATCH, _READS, _PAUSE_S = 100, 8, 0.1


@dataclass(frozen=True, slots=True)
class Claim:
    """
    An image's item; all empty where there is none.

    Attributes
    ----------
    claim_ends
        Epoch seconds after which the execution cannot be alive any more.
    attempts
        Executions that have claimed the image so far.
    result_key
        Key of the result document, while there is an outcome.
    label, confidence, model_version, reason
        Of the outcome: the label is the model's, or the person's of a reviewed image; the confidence is the model's.
    state_shard
        Partition of the index of images that somebody must handle: `open#`, `person#` or `record#` and a number.
    state_since
        When the image arrived, or was decided; absent when nobody must handle it.
    decision
        Id of the newest decision of a person; no execution takes over an image that has one.
    decisions
        Those of people, the oldest first, each with the fields that docs/contracts/claim.schema.json names.
    sweeps, swept_at, reported_at
        How often sweeps started it, when the last one did, and when it was given up.
    just_decided
        Whether, when the item was read, the blind decision could still be taken back as a slip.
    """

    execution: str | None = None
    claim_ends: int = 0
    finished_at: str | None = None
    outcome: Outcome | None = None
    result_key: str | None = None
    label: str | None = None
    confidence: float | None = None
    model_version: str | None = None
    reason: str | None = None
    version_id: str | None = None
    claimed_at: str | None = None
    attempts: int = 0
    state_shard: str | None = None
    state_since: str | None = None
    decision: str | None = None
    decisions: tuple[Mapping[str, Any], ...] = ()
    sweeps: int = 0
    swept_at: str | None = None
    reported_at: str | None = None
    just_decided: bool = False

    @property
    def hides_verdict(self) -> bool:
        """Whether what the model said must not be shown: somebody may decide, or take a slip of the finger back."""
        return self.outcome is None or self.waits_for_person or self.just_decided

    @property
    def shown_outcome(self) -> Outcome | None:
        """The outcome as lists and counts have it: an audit that waits looks like any other image to review."""
        return Outcome.REVIEW if self.outcome and self.hides_verdict else self.outcome

    @property
    def waits_for_person(self) -> bool:
        """Whether a person has to decide, or to look a second time, who must not know what others said."""
        in_queue = (self.state_shard or "").startswith("person#")
        return in_queue or (self.outcome is Outcome.REVIEW and self.decision is None)

    @property
    def end(self) -> tuple[str | None, str | None]:
        """What differs between one outcome and the next of the same image."""
        return self.execution, self.finished_at


def read_claims(
    client: "DynamoDBClient", table: str, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Claim]:
    """Read the claims of images by key and ETag; an image that nobody ever claimed is not in the answer."""
    return {
        name: _claim(item, read_at) for name, (item, read_at) in _read_items(client, table, names).items()
    }


def read_items(
    client: "DynamoDBClient", table: str, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    """
    Read the items of images by key and ETag, as DynamoDB has them.

    Raises
    ------
    SconesError
        When the table does not return all of them, because it is throttled.
    """
    return {name: item for name, (item, _) in _read_items(client, table, names).items()}


def _read_items(
    client: "DynamoDBClient", table: str, names: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], tuple[Mapping[str, Any], datetime]]:
    """Read items, each with AWS's time of the answer."""
    items: dict[tuple[str, str], tuple[Mapping[str, Any], datetime]] = {}
    for batch in batched(names, _BATCH, strict=False):
        keys = [{"image_key": {"S": key}, "etag": {"S": etag}} for key, etag in batch]
        request: Mapping[str, Any] = {table: {"Keys": keys, "ConsistentRead": True}}
        for attempt in range(_READS):
            answer = client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(table, []):
                items[item["image_key"]["S"], item["etag"]["S"]] = item, _time_of(answer)
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                break
            time.sleep(_PAUSE_S * 2**attempt)
        else:
            message = f"table {table} does not answer for all images: try again in a minute"
            raise SconesError(message)
    return items


def read_claims_of_key(client: "DynamoDBClient", table: str, key: str) -> dict[str, Claim]:
    """
    Read the claims of all that was ever uploaded under a key, by ETag.

    Raises
    ------
    SconesError
        When the caller may only review: their policy reads one image's claim, and not the model's verdict before it is
        decided.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    pages = client.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression="image_key = :key",
        ExpressionAttributeValues={":key": {"S": key}},
        ConsistentRead=True,
    )
    try:
        return {item["etag"]["S"]: _claim(item, _time_of(page)) for page in pages for item in page["Items"]}
    except ClientError as error:
        if not is_denied(error):
            raise
        message = (
            f"an image's whole story needs dynamodb:Query on table {table}, which the stack's ReviewerPolicy does not "
            "allow: use an operator's profile or role; `scones review KEY` corrects an image without it"
        )
        raise SconesError(message) from error


def _time_of(answer: Mapping[str, Any]) -> datetime:
    """Return AWS's time of an answer; this machine may be an hour off, and is asked only where AWS does not say."""
    header = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return parsedate_to_datetime(header) if header else datetime.now(UTC)


def _claim(item: Mapping[str, Any], read_at: datetime) -> Claim:
    text = {name: next(iter(value.values())) for name, value in item.items()}
    ended = bool(text.get("finished_at")) and text.get("outcome") in list(Outcome)
    outcome = Outcome(text["outcome"]) if ended else None
    label = text.get("label") if ended else None
    confidence = text.get("confidence") if ended else None
    # An item of a release before the index by_time says itself where its result is.
    stored = text.get("result_key")
    if outcome and not stored:
        stored = result_key(outcome, label, text["image_key"], text["etag"])
    return Claim(
        execution=text.get("execution"),
        claim_ends=int(float(text.get("claim_ends", 0))),
        finished_at=text.get("finished_at"),
        outcome=outcome,
        result_key=stored,
        label=label,
        confidence=None if confidence is None else float(confidence),
        model_version=text.get("model_version") if ended else None,
        reason=text.get("reason") if ended else None,
        version_id=text.get("version_id"),
        claimed_at=text.get("claimed_at"),
        attempts=int(text.get("attempts", 0)),
        state_shard=text.get("state_shard"),
        state_since=text.get("state_since"),
        decision=text.get("decision"),
        decisions=tuple(_plain(one) for one in text.get("decisions", ())),
        sweeps=int(text.get("sweeps", 0)),
        swept_at=text.get("swept_at"),
        reported_at=text.get("reported_at"),
        just_decided=_is_just_decided(item, outcome, read_at),
    )


def _is_just_decided(item: Mapping[str, Any], outcome: Outcome | None, read_at: datetime) -> bool:
    """Tell whether a decision about an image that waited is so new; the verdict of another one was never hidden."""
    attributes = item.get("decisions", {}).get("L", [])
    if not attributes:
        return False
    newest = [Entry.parse(one) for one in attributes]
    said = newest[0].model_said
    waited = "draw" in item or (said.outcome if said else outcome) == Outcome.REVIEW
    drawn_at = item.get("draw_at", {}).get("S", "")
    return waited and hides_verdict([one for one in newest if one.at >= drawn_at], read_at)


def _plain(value: Mapping[str, Any]) -> Any:  # noqa: ANN401 (what a decision has in it)
    match value:
        case {"M": fields}:
            return {name: _plain(one) for name, one in fields.items()}
        case {"N": number}:
            return float(number) if "." in number else int(number)
        case _:
            return next(iter(value.values()))


def read_claim(dynamodb: "DynamoDBClient", table: str, image_key: str, etag: str) -> ClaimItem:
    """Read the claim of an image; empty when there is none."""
    answer = dynamodb.get_item(
        TableName=table,
        Key={"image_key": {"S": image_key}, "etag": {"S": etag}},
        ConsistentRead=True,
    )
    item: Mapping[str, Any] = answer.get("Item", {})
    return {name: str(next(iter(value.values()))) for name, value in item.items()}
