"""The time up to which audits were off, in an item that does not expire: no certificate may speak of that time.

The claims of images that came while `AuditShare` was 0 say so in the index `by_draw`, but expire with `ClaimDays`, and
the index is not there while it is 0. `scones certify` reads both.
"""

from datetime import datetime

from botocore.exceptions import ClientError

from sweep.claims import SHARDS, DynamoDB
from sweep.draws import INDEX
from sweep.images import iso_text

# Not a possible key of an image: those begin with the incoming prefix.
ITEM = {"image_key": {"S": "#sweep"}, "etag": {"S": "off"}}


def keep_off(client: DynamoDB, table: str, audit_share: float, now: datetime) -> None:
    """
    Store until when audits were off, unless a later time is stored.

    While they are off, that is now: whether an image came is not looked up, because there is no index to look in. After
    that it is the time of the newest image that an execution begun before the deploy has classified without an audit.
    """
    at = newest_off(client, table) if audit_share else iso_text(now)
    if at is None:
        return
    try:
        client.update_item(
            TableName=table,
            Key=ITEM,
            UpdateExpression="SET draw_at = :at",
            ConditionExpression="attribute_not_exists(draw_at) OR draw_at < :at",
            ExpressionAttributeValues={":at": {"S": at}},
        )
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
            raise


def newest_off(client: DynamoDB, table: str) -> str | None:
    """Return when the newest image was classified without an audit, of those whose claims have not expired."""
    answers = [
        client.query(
            TableName=table,
            IndexName=INDEX,
            KeyConditionExpression="draw_shard = :shard",
            ExpressionAttributeValues={":shard": {"S": f"off#{shard}"}},
            ProjectionExpression="draw_at",
            ScanIndexForward=False,
            Limit=1,
        )
        for shard in range(SHARDS)
    ]
    times: list[str] = [item["draw_at"]["S"] for answer in answers for item in answer["Items"]]
    return max(times, default=None)
