"""The claims table: read by key and by state; conditional updates keep two sweeps from handling the same image."""

import hashlib
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import Any, Self

from botocore.exceptions import ClientError

from sweep.images import Image, iso_text, moment_of

type DynamoDB = Any  # boto3's client; its stubs are not among the development packages
type Item = Mapping[str, Mapping[str, Any]]

BATCH = 100
READS, FIRST_PAUSE_S, LONGEST_PAUSE_S = 8, 0.05, 2.0
INDEX, SHARDS = "by_state", 16
"""The sparse index in which images without an outcome have partitions of their own: `open#0` to `open#15`.

The workflow's first state and `_enter` put them there.
"""


class ClaimsUnavailableError(Exception):
    """DynamoDB did not return all of the requested claims, even after retries."""


@dataclass(frozen=True, slots=True)
class Claim:
    """
    An item of the table; all fields are empty where there is none.

    Attributes
    ----------
    execution
        ARN of the execution that owns the image, or last owned it.
    claim_ends
        Epoch seconds after which that execution cannot be running any more.
    finished
        Whether the image has its outcome.
    sweeps, swept_at
        How often sweeps have started the image, and when they last did.
    reported_at
        When people were notified that sweeps gave it up.
    indexed
        Whether it is in the index of images without an outcome.
    listed
        Whether its outcome is in the index of outcomes; not when a release before that index has closed it.
    """

    execution: str | None = None
    claimed_at: datetime | None = None
    claim_ends: int = 0
    finished: bool = False
    sweeps: int = 0
    swept_at: datetime | None = None
    reported_at: datetime | None = None
    indexed: bool = False
    listed: bool = False

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """Read an item as returned by DynamoDB's client."""
        return cls(
            execution=text_of(item, "execution"),
            claimed_at=moment_of(text_of(item, "claimed_at")),
            claim_ends=int(float(item.get("claim_ends", {}).get("N", 0))),
            finished="finished_at" in item,
            sweeps=int(item.get("sweeps", {}).get("N", 0)),
            swept_at=moment_of(text_of(item, "swept_at")),
            reported_at=moment_of(text_of(item, "reported_at")),
            indexed="state_shard" in item,
            listed="outcome_shard" in item and "result_key" not in item,
        )

    @property
    def is_standard(self) -> bool:
        """Whether Step Functions can describe the execution; it cannot describe EXPRESS ones."""
        return self.execution is not None and ":execution:" in self.execution

    @property
    def awaits_swept_execution(self) -> bool:
        """Whether a sweep has started an execution that has not claimed the image yet."""
        return self.swept_at is not None and (self.claimed_at is None or self.claimed_at < self.swept_at)

    @property
    def given_up(self) -> bool:
        """Whether people were notified that it was given up, and it has not been started since."""
        return self.reported_at is not None and (
            self.claimed_at is None or self.claimed_at <= self.reported_at
        )


def read_claims(
    client: DynamoDB, table: str, images: Sequence[Image], sleep: Callable[[float], None] = time.sleep
) -> dict[tuple[str, str], Claim]:
    """
    Read the claims of images with different names; an image without a claim is not in the result.

    Raises
    ------
    ClaimsUnavailableError
        When DynamoDB leaves some of the keys unprocessed eight times.
    """
    claims = {}
    for batch in batched(images, BATCH, strict=False):
        # Eventually consistent, for half the price: every later action is conditional on the claim being unchanged.
        request = {table: {"Keys": [_key(image) for image in batch]}}
        for attempt in range(READS):
            answer = client.batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(table, []):
                claims[item["image_key"]["S"], item["etag"]["S"]] = Claim.from_item(item)
            request = answer.get("UnprocessedKeys") or {}
            if not request:
                break
            sleep(random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt)))  # noqa: S311 (jitter)
        else:
            raise ClaimsUnavailableError(f"DynamoDB left claims unread {READS} times")
    return claims


def state_shard(image: Image) -> str:
    """Return the index partition of an image without an outcome, by the same rule as the workflow."""
    digest = hashlib.md5((image.key + image.etag).encode(), usedforsecurity=False).hexdigest()
    return f"open#{int(digest[0], SHARDS)}"


def oldest_open(client: DynamoDB, table: str, shard: int, since: datetime) -> datetime | None:
    """Return when the oldest image without an outcome in a shard arrived; None when there is none."""
    items = next(items_of_shard(client, table, f"open#{shard}", since, limit=1))
    return moment_of(text_of(items[0], "state_since")) if items else None


def open_claims(
    client: DynamoDB, table: str, bucket: str, shard: int, since: datetime, until: datetime
) -> Iterator[list[tuple[Image, Claim]]]:
    """Yield pages of a shard's images without an outcome that arrived in an interval, oldest first."""
    for items in items_of_shard(client, table, f"open#{shard}", since, until):
        yield [(_image_of(item, bucket), Claim.from_item(item)) for item in items]


def items_of_shard(
    client: DynamoDB,
    table: str,
    shard: str,
    since: datetime,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[list[Item]]:
    """Yield pages of a partition of the index from a time on, oldest first, with at most `limit` items each."""
    values = {":shard": {"S": shard}, ":since": {"S": iso_text(since)}}
    condition = "state_shard = :shard AND state_since >= :since"
    if until is not None:
        # In whole seconds, as in S3's events: "05Z" sorts after "05.9Z", so the query includes the whole second.
        values[":until"] = {"S": iso_text(until, "seconds")}
        condition = "state_shard = :shard AND state_since BETWEEN :since AND :until"
    request = {
        "TableName": table,
        "IndexName": INDEX,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **({"Limit": limit} if limit else {}),
    }
    while True:
        answer = client.query(**request)
        yield answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def enter_index(client: DynamoDB, table: str, image: Image, seen: Claim) -> bool:
    """Put an image without an outcome into the index; False when its claim has changed since it was read."""
    update, values = _enter(image)
    condition = f"{_unchanged(seen, values)} AND {_reported_as(seen, values)}"
    return _update(client, table, image, f"SET {update}", condition, values)


def leave_index(client: DynamoDB, table: str, image: Image, seen: Claim) -> bool:
    """Remove an image that was given up from the index; False when its claim has changed since it was read."""
    values: dict[str, dict[str, str]] = {}
    condition = f"{_unchanged(seen, values)} AND {_reported_as(seen, values)}"
    return _update(client, table, image, "REMOVE state_shard, state_since", condition, values)


def leave_finished(client: DynamoDB, table: str, image: Image) -> bool:
    """
    Remove an image that has its outcome from the index; False where it has none.

    An execution of a definition older than the index closes its claim but leaves the entry that a sweep has made.
    """
    condition = (
        "attribute_exists(finished_at) AND begins_with(state_shard, :open)"  # it may wait for a person by now
    )
    return _update(
        client, table, image, "REMOVE state_shard, state_since", condition, {":open": {"S": "open#"}}
    )


def count_sweep(client: DynamoDB, table: str, image: Image, seen: Claim, now: datetime) -> bool:
    """
    Record that a sweep starts the image; False when its claim has changed since it was read.

    An unclaimed image is in the index from then on, so that later sweeps find it without a listing.
    """
    update, values = _enter(image)
    values |= {":one": {"N": "1"}, ":now": {"S": iso_text(now)}}
    condition = _unchanged(seen, values)
    return _update(client, table, image, f"SET swept_at = :now, {update} ADD sweeps :one", condition, values)


def undo_sweep(client: DynamoDB, table: str, image: Image, seen: Claim, now: datetime) -> None:
    """Undo the record of a sweep whose execution could not be started: it must not count. It stays in the index."""
    values = {":minus_one": {"N": "-1"}, ":now": {"S": iso_text(now)}}
    update = "ADD sweeps :minus_one REMOVE swept_at"
    if seen.swept_at:
        values[":before"] = {"S": iso_text(seen.swept_at)}
        update = "ADD sweeps :minus_one SET swept_at = :before"
    _update(client, table, image, update, "swept_at = :now", values)


def mark_reported(client: DynamoDB, table: str, image: Image, seen: Claim, now: datetime) -> bool:
    """
    Record that people are notified about the image; False when its claim has changed since it was read.

    It leaves the index, which holds only images still to be handled; a redrive's claim puts it back.
    """
    values = {":now": {"S": iso_text(now)}}
    condition = f"{_unchanged(seen, values)} AND {_reported_as(seen, values)}"
    update = "SET reported_at = :now REMOVE state_shard, state_since"
    return _update(client, table, image, update, condition, values)


def unmark_reported(client: DynamoDB, table: str, image: Image, now: datetime) -> None:
    """Undo the record when the notification failed, unless the image got its outcome meanwhile."""
    update, values = _enter(image)
    condition = "reported_at = :now AND attribute_not_exists(finished_at)"
    values[":now"] = {"S": iso_text(now)}
    _update(client, table, image, f"SET {update} REMOVE reported_at", condition, values)


def _enter(image: Image) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the update that puts an image into the index with the fields of its event; existing ones are kept."""
    values = {
        ":shard": {"S": state_shard(image)},
        ":since": {"S": iso_text(image.last_modified)},
        ":size": {"N": str(image.size)},
    }
    names = {"state_shard": ":shard", "state_since": ":since", "#size": ":size"}
    if image.version_id:
        values[":version"] = {"S": image.version_id}
        names["version_id"] = ":version"
    return ", ".join(f"{name} = if_not_exists({name}, {value})" for name, value in names.items()), values


def _unchanged(seen: Claim, values: dict[str, dict[str, str]]) -> str:
    """Return the condition that the claim is unchanged since it was read, and add its operands to `values`."""
    conditions = ["attribute_not_exists(finished_at)"]
    if seen.sweeps:
        values[":sweeps"] = {"N": str(seen.sweeps)}
        conditions.append("sweeps = :sweeps")
    else:
        values[":sweeps"] = {"N": "0"}  # as left by a sweep that was undone
        conditions.append("(attribute_not_exists(sweeps) OR sweeps = :sweeps)")
    if seen.execution:
        values[":execution"] = {"S": seen.execution}
        conditions.append("execution = :execution")
    else:
        conditions.append("attribute_not_exists(execution)")
    return " AND ".join(conditions)


def _reported_as(seen: Claim, values: dict[str, dict[str, str]]) -> str:
    """Return the condition that no notification about the image was recorded since its claim was read."""
    if seen.reported_at is None:
        return "attribute_not_exists(reported_at)"
    values[":reported"] = {"S": iso_text(seen.reported_at)}
    return "reported_at <= :reported"


def _image_of(item: Item, bucket: str) -> Image:
    """Return the image of an item, as its event named it."""
    since = moment_of(text_of(item, "state_since"))
    return Image(
        bucket=bucket,
        key=item["image_key"]["S"],
        etag=item["etag"]["S"],
        version_id=text_of(item, "version_id"),
        size=int(item.get("size", {}).get("N", 0)),
        last_modified=since or datetime.fromisoformat("1970-01-01T00:00:00+00:00"),
        sequencer=text_of(item, "sequencer"),
    )


def _update(
    client: DynamoDB, table: str, image: Image, update: str, condition: str, values: dict[str, dict[str, str]]
) -> bool:
    more: dict[str, Any] = (
        {"ExpressionAttributeNames": {"#size": "size"}} if "#size" in update else {}
    )  # reserved
    more |= {"ExpressionAttributeValues": values} if values else {}  # DynamoDB rejects an empty one
    try:
        client.update_item(
            TableName=table,
            Key=_key(image),
            UpdateExpression=update,
            ConditionExpression=condition,
            **more,
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _key(image: Image) -> dict[str, dict[str, str]]:
    return {"image_key": {"S": image.key}, "etag": {"S": image.etag}}


def text_of(item: Item, name: str) -> str | None:
    """Return a text of an item; None without one."""
    return item.get(name, {}).get("S")
