"""The queue of images that wait for a person: reading it, and holding one of them under a lease.

Nothing here reads an outcome, a label or a confidence: a reviewer must not know them before the decision.
"""

import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from scones.decisions.decision import MAY_LOOK, may_look_values
from scones.decisions.review_errors import named_permissions
from scones.decisions.review_image import ReviewImage
from scones.errors import error_code
from scones.index import BY_STATE, SHARDS, in_state, query
from scones.result_documents import is_verification_image

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from scones.decisions.aws_clock import AwsClock

LEASE_S: Final = 600
"""For how long an image is one reviewer's; it is renewed while the image is shown."""


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many images wait; `is_complete` is False where counting stopped at its limit."""

    images: int
    is_complete: bool


class ReviewQueue:
    """The images of one stack that wait for a person, for one reviewing session.

    Parameters
    ----------
    dynamodb
        A client; it is shared by threads.
    session
        What leases name it by; secret, and a new one if it is not given.
    """

    def __init__(
        self, dynamodb: "DynamoDBClient", table: str, clock: "AwsClock", session: str | None = None
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._me = session or secrets.token_hex(16)

    def waiting(self, wanted: int = 0) -> Iterator[ReviewImage]:
        """Yield the images that wait, oldest first, without those that a reviewer holds; pages as consumed.

        Those of `scones verify` are not a person's work: it deletes them within minutes.
        """
        with named_permissions():
            for found in in_state(self._dynamodb, self._table, "person", wanted=wanted):
                if found.lease_until < self._clock.now() and not is_verification_image(found.image_key):
                    yield ReviewImage(
                        found.image_key, found.etag, found.version_id, found.size or 0, found.since
                    )

    def count(self, at_most: int) -> QueueLength:
        """Count the images that wait, held by a reviewer or not; stop soon after so many."""
        with ThreadPoolExecutor(SHARDS) as threads:
            counts = list(threads.map(lambda shard: self._count(shard, -(-at_most // SHARDS)), range(SHARDS)))
        return QueueLength(sum(count.images for count in counts), all(count.is_complete for count in counts))

    def lease(self, image: ReviewImage, by: str, *, for_burst: bool = False) -> bool:
        """
        Hold an image for ten minutes, or hold it longer; False where it does not wait or another has it.

        Parameters
        ----------
        by
            Who holds it, as an ARN: an image that waits for a second person is not for the first.
        for_burst
            Hold it only if it may be decided with others: each image of the audit is looked at by itself.
        """
        now_s = int(self._clock.now())
        return self._update(
            image,
            "SET lease_by = :me, lease_until = :until",
            "state_shard = :waits AND "
            f"(attribute_not_exists(lease_until) OR lease_until < :now OR lease_by = :me) AND {MAY_LOOK}"
            + (" AND attribute_not_exists(one_by_one)" if for_burst else ""),
            {
                ":until": {"N": str(now_s + LEASE_S)},
                ":now": {"N": str(now_s)},
                ":waits": {"S": f"person#{image.shard}"},
            }
            | may_look_values(by, datetime.fromtimestamp(now_s, UTC)),
        )

    def release(self, image: ReviewImage) -> None:
        """Let others have an image that this session holds; nothing where it does not."""
        self._update(image, "REMOVE lease_by, lease_until", "lease_by = :me", {})

    def _update(self, image: ReviewImage, update: str, condition: str, values: dict[str, Any]) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        try:
            with named_permissions():
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=image.claim_key,
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues={":me": {"S": self._me}, **values},
                    ReturnValues="NONE",  # stated, because the policy of reviewers has a condition on it
                )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _count(self, shard: int, at_most: int) -> QueueLength:
        images = 0
        start: dict[str, Any] | None = None
        while True:
            request: dict[str, Any] = {
                "TableName": self._table,
                "IndexName": BY_STATE,
                "KeyConditionExpression": "state_shard = :shard",
                "ExpressionAttributeValues": {":shard": {"S": f"person#{shard}"}},
                "Select": "COUNT",
                "Limit": at_most - images,
            }
            with named_permissions():
                page = query(self._dynamodb, request | ({"ExclusiveStartKey": start} if start else {}))
            images, start = images + page["Count"], page.get("LastEvaluatedKey")
            if not start:
                return QueueLength(images, is_complete=True)
            if images >= at_most:
                return QueueLength(images, is_complete=False)
