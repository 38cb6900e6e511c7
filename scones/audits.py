"""The audit: a random sample of all classified images, about which people decide without the model's verdict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from scones.decisions.decision import SAME_PERSON_AFTER, UNDONE, Entry, ReviewedClaim
from scones.decisions.slips import without_slips
from scones.errors import error_code
from scones.index import in_audit, shard_of, time_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MAX_SECOND_LOOKS: Final = 5
OFF: Final = {"image_key": {"S": "#sweep"}, "etag": {"S": "off"}}
"""The item in which the sweep keeps until when audits were off; a test holds it to the sweep's own."""


@dataclass(frozen=True, slots=True)
class SecondLook:
    """What a second person said about an image, without knowing of the first decision."""

    label: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class Draw:
    """
    An image of the sample, with the verdict that it was drawn with.

    Attributes
    ----------
    at
        When its outcome was stored: UTC, RFC 3339.
    u
        The fraction that decided the draw, 0 to 1: an image is in every sample whose share is above it.
    threshold
        The lowest confidence that passed, for its label, at that time.
    model_version
        As the endpoint reported it.
    endpoint
        The endpoint's name.
    labels
        The stack's labels at that time, comma separated.
    decision
        The label that counts, None while nobody has decided: the first decision that disagrees with the model,
        otherwise the agreement that stands.
    by, decided_at
        Who decided so, as an ARN, and when.
    second
        Looks of other people, oldest first.
    share
        The share of all images that was drawn at that time; None where it was not recorded.
    serialize
        Digest of Serialize's code and settings at that time; None where it was not recorded.
    """

    key: str
    etag: str
    at: str
    u: float
    label: str
    confidence: float
    threshold: float
    passed: bool
    model_version: str | None
    endpoint: str | None
    labels: str
    decision: str | None = None
    by: str | None = None
    decided_at: str | None = None
    second: tuple[SecondLook, ...] = ()
    share: float | None = None
    serialize: str | None = None


def certifying_half(u: float) -> bool:
    """Tell whether a draw certifies and compares models; the other half may be learned from.

    It is the 32nd binary digit of u after the point: known from u alone, so that a change of the share moves no image
    to the other half, and far from the digits that decide the draw. "Record decision" has the same rule.
    """
    return int(u * 2**32) % 2 == 0


def drawn(
    dynamodb: "DynamoDBClient", table: str, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[Draw]:
    """
    Yield the images that were drawn between two times, in order of `at`; pages as consumed.

    Raises
    ------
    SconesError
        When the stack has no audit.
    """
    yield from in_audit(dynamodb, table, "drawn", _draw, since=since, until=until)


def missed(
    dynamodb: "DynamoDBClient", table: str, *, since: datetime | None = None, until: datetime | None = None
) -> int:
    """Count the classified images whose draw could not be made: no certificate covers them."""
    return sum(1 for _ in in_audit(dynamodb, table, "missed", lambda item: item, since=since, until=until))


def off_until(dynamodb: "DynamoDBClient", table: str) -> str | None:
    """Return until when audits were off; None where they always were on.

    Nothing is known of the images of that time, so a certificate speaks of later ones. It is when the newest image got
    its outcome that was classified while they were off, or what the sweep keeps of it: its claim may have expired.
    """
    newest = in_audit(
        dynamodb, table, "off", lambda item: str(item["draw_at"]["S"]), newest_first=True, wanted=1
    )
    kept = dynamodb.get_item(TableName=table, Key=OFF, ConsistentRead=True).get("Item", {})
    times = [*newest, *([kept["draw_at"]["S"]] if kept else [])]
    return max(times, default=None)


def ask_second_look(dynamodb: "DynamoDBClient", table: str, draw: Draw, now: datetime) -> bool:
    """
    Put a decided image into the review queue again, for another person.

    The one who decided is given it only if the decision is old, or if nobody else looked for as long.

    Returns
    -------
    bool
        False where it is there already, is being recorded, or was looked at often enough.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    values: dict[str, Any] = {
        ":person": {"S": f"person#{shard_of(draw.key, draw.etag)}"},
        ":now": {"S": time_text(now)},
        ":yes": {"BOOL": True},
        ":most": {"N": str(MAX_SECOND_LOOKS)},
    }
    by = draw.by if draw.decided_at and now - _moment(draw.decided_at) < SAME_PERSON_AFTER else None
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"image_key": {"S": draw.key}, "etag": {"S": draw.etag}},
            UpdateExpression=(
                "SET state_shard = :person, state_since = :now, second_look = :yes"
                + (", second_not = :by" if by else " REMOVE second_not")
            ),
            ConditionExpression=(
                "attribute_exists(draw) AND attribute_exists(decision) AND attribute_not_exists(state_shard) "
                "AND (attribute_not_exists(second_looks) OR size(second_looks) < :most)"
            ),
            ExpressionAttributeValues=values | ({":by": {"S": by}} if by else {}),
        )
    except ClientError as error:
        if error_code(error) == "ConditionalCheckFailedException":
            return False
        raise
    return True


def _draw(item: Mapping[str, Any]) -> Draw:
    said, claim = item["draw"]["M"], ReviewedClaim.parse(item)
    decided = _counted(claim, item["draw_at"]["S"], said["label"]["S"])
    return Draw(
        key=item["image_key"]["S"],
        etag=item["etag"]["S"],
        at=item["draw_at"]["S"],
        u=float(said["u"]["N"]),
        label=said["label"]["S"],
        confidence=float(said["confidence"]["N"]),
        threshold=float(said["threshold"]["N"]),
        passed=said["passed"]["BOOL"],
        model_version=said.get("model_version", {}).get("S"),
        endpoint=said.get("endpoint", {}).get("S"),
        labels=said["labels"]["S"],
        decision=decided.label if decided else None,
        by=decided.by if decided else None,
        decided_at=decided.at if decided else None,
        second=tuple(SecondLook(look.label, look.by, look.at) for look in claim.looks),
        share=float(said["share"]["N"]) if "share" in said else None,
        serialize=said.get("serialize", {}).get("S"),
    )


def _counted(claim: ReviewedClaim, drawn_at: str, label: str) -> Entry | None:
    """
    Return the decision that counts, the sweep's watch by the same rule.

    Only the first decision is blind: later a reviewer is shown what the model said, and might correct towards it.
    So a disagreement counts whatever follows it, and an agreement only until it is corrected or undone. One that was
    taken back before the verdict was shown is none (`scones.decisions.slips`). Decisions before the draw are of an
    earlier life of the image: it was gone, or was undone, and its bytes came again.
    """
    later = without_slips([entry for entry in claim.entries if entry.at >= drawn_at])
    for entry in later:
        if entry.label not in {label, UNDONE}:
            return entry
    return later[-1] if later and later[-1].label != UNDONE else None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
