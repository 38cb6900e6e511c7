"""What the sweep's listing of the bucket has found and cannot repair."""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CURSOR: Final = {"image_key": {"S": "#sweep"}, "etag": {"S": "cursor"}}
"""The item of the claims table that the sweep's listing writes; a test holds it to the sweep's own."""


def count_unlisted(dynamodb: "DynamoDBClient", table: str) -> int:
    """
    Return how many images have an outcome that no index has, as the last two listings of the bucket found.

    An execution that began before the release with the index closes its claim without an entry.
    """
    item = dynamodb.get_item(TableName=table, Key=CURSOR).get("Item", {})
    return max(int(item.get(name, {}).get("N", 0)) for name in ("unlisted", "unlisted_before"))
