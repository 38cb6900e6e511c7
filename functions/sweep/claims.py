"""The claims table: read by the hundred, and marked one by one on conditions, so that two sweeps never do the same."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import batched
from typing import Any

from botocore.exceptions import ClientError

from claim import Claim
from contract import Position
from errors import ClaimsUnavailableError
from image import Image

type DynamoDB = Any  # boto3's client; its stubs are not among the development packages

BATCH = 100
READS, FIRST_PAUSE_S, LONGEST_PAUSE_S = 8, 0.05, 2.0
# No image's key: those begin with the incoming prefix.
CURSOR = {"image_key": {"S": "#sweep"}, "etag": {"S": "cursor"}}


def read_claims(
    client: DynamoDB, table: str, images: Sequence[Image], sleep: Callable[[float], None] = time.sleep
) -> dict[tuple[str, str], Claim]:
    """
    Read the claims of images that differ in name; an image without one is not in the answer.

    Raises
    ------
    ClaimsUnavailableError
        When DynamoDB leaves some of the keys unprocessed eight times.
    """
    claims = {}
    for batch in batched(images, BATCH, strict=False):
        # Not consistent, for half the price: what is done about an image is on condition that its claim is still so.
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


def count_sweep(client: DynamoDB, table: str, image: Image, seen: Claim, now: datetime) -> bool:
    """Write down that a sweep starts the image; False when its claim is no longer as it was seen."""
    values = {":one": {"N": "1"}, ":now": {"S": _text(now)}}
    return _update(
        client, table, image, "SET swept_at = :now ADD sweeps :one", _unchanged(seen, values), values
    )


def undo_sweep(client: DynamoDB, table: str, image: Image, seen: Claim, now: datetime) -> None:
    """Take a sweep back whose execution could not be started: it must not count as an attempt."""
    values = {":minus_one": {"N": "-1"}, ":now": {"S": _text(now)}}
    update = "ADD sweeps :minus_one REMOVE swept_at"
    if seen.swept_at:
        values[":before"] = {"S": _text(seen.swept_at)}
        update = "ADD sweeps :minus_one SET swept_at = :before"
    _update(client, table, image, update, "swept_at = :now", values)


def mark_reported(client: DynamoDB, table: str, image: Image, now: datetime) -> bool:
    """Write down that people are told of the image; False when they have been, or it has its outcome after all."""
    condition = "attribute_not_exists(reported_at) AND attribute_not_exists(finished_at)"
    return _update(client, table, image, "SET reported_at = :now", condition, {":now": {"S": _text(now)}})


def unmark_reported(client: DynamoDB, table: str, image: Image, now: datetime) -> None:
    """Take the mark back when nobody could be told."""
    _update(client, table, image, "REMOVE reported_at", "reported_at = :now", {":now": {"S": _text(now)}})


def read_cursor(client: DynamoDB, table: str) -> Position | None:
    """Return where the last run of the schedule stopped; None for the beginning."""
    item = client.get_item(TableName=table, Key=CURSOR, ConsistentRead=True).get("Item")
    if not item:
        return None
    return {"key": item["start_after"]["S"], "version_id": item.get("version_id", {}).get("S")}


def write_cursor(client: DynamoDB, table: str, position: Position | None) -> None:
    """Keep where the next run of the schedule has to go on."""
    if position is None:
        client.delete_item(TableName=table, Key=CURSOR)
        return
    version = {"version_id": {"S": position["version_id"]}} if position["version_id"] else {}
    client.put_item(TableName=table, Item={**CURSOR, "start_after": {"S": position["key"]}, **version})


def _unchanged(seen: Claim, values: dict[str, dict[str, str]]) -> str:
    """Return the condition that the claim is as it was seen, and add what it compares with to `values`."""
    conditions = ["attribute_not_exists(finished_at)"]
    if seen.sweeps:
        values[":sweeps"] = {"N": str(seen.sweeps)}
        conditions.append("sweeps = :sweeps")
    else:
        values[":sweeps"] = {"N": "0"}  # what a sweep that was taken back leaves
        conditions.append("(attribute_not_exists(sweeps) OR sweeps = :sweeps)")
    if seen.execution:
        values[":execution"] = {"S": seen.execution}
        conditions.append("execution = :execution")
    else:
        conditions.append("attribute_not_exists(execution)")
    return " AND ".join(conditions)


def _update(
    client: DynamoDB, table: str, image: Image, update: str, condition: str, values: dict[str, dict[str, str]]
) -> bool:
    try:
        client.update_item(
            TableName=table,
            Key=_key(image),
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise
        return False
    return True


def _key(image: Image) -> dict[str, dict[str, str]]:
    return {"image_key": {"S": image.key}, "etag": {"S": image.etag}}


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
