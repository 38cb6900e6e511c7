"""Removes what a run made: its subscriptions and queue, claims, results and images, each with all versions.

All is found by the run's id, so that a run that was killed can be cleaned up by another. Images go last: while a
version of one is there, its claim can be found.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING, Final

from scones.claims import read_claim
from scones.decisions.decision import CANNOT_TELL, GONE, NEITHER
from scones.errors import error_code, explain
from scones.image_keys import INCOMING
from scones.result_documents import Outcome, outcome_prefixes
from scones.stack import Stack
from scones.terminal import comma
from scones.verify.run_resources import UNREADABLE_ETAG, RunNames

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

    from scones.connection import Connection

_BATCH: Final = 1000
type ClaimKey = tuple[str, str]


@dataclass(slots=True)
class Cleanup:
    """One clean-up: what it removed, and what it had to leave, each with the reason."""

    connection: "Connection"
    stack: Stack
    names: RunNames
    has_queue: bool = True
    """False when the caller may not create a queue: there is none then, and the caller may not look for one either."""
    removed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Remove everything that can be; what is refused stays and is named in `left`."""
        if self.has_queue:
            self._step("subscriptions of its queue", self._unsubscribe)
            self._step(f"queue {self.names.queue}", self._delete_queue)
        busy: list[str] = []
        claims_gone = self._step("claims", lambda: busy.extend(self._delete_claims()))
        if busy:
            self.left.append(f"executions still run for {', '.join(busy)}: their images and claims stay")
        below = self._images_prefix.removeprefix(INCOMING)
        decided = (
            f"{Outcome.REVIEWED}/{label}/{below}"
            for label in (*self.stack.labels, NEITHER, CANNOT_TELL, GONE)
        )
        results = (*outcome_prefixes(self.stack.labels, self._images_prefix), *decided)
        results_gone = self._step(
            "results", lambda: self._delete_versions("result", self.stack.results_bucket, results)
        )
        if claims_gone and results_gone and not busy:
            images = (self._images_prefix,)
            self._step("images", lambda: self._delete_versions("image", self.stack.image_bucket, images))
        elif not busy:
            self.left.append("images: they stay, to find the rest by")

    @property
    def _images_prefix(self) -> str:
        return self.stack.keys.folder(self.names.folder)

    def open_images(self) -> list[str]:
        """Return the keys of images whose claim an execution still holds."""
        dynamodb, table = self.connection.dynamodb(), self.stack.claims_table
        claims = {key: read_claim(dynamodb, table, *key) for key in self._claim_keys()}
        return [key for (key, _), item in claims.items() if item and "finished_at" not in item]

    def _step(self, what: str, action: Callable[[], object]) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        try:
            action()
        except (BotoCoreError, ClientError) as error:
            self.left.append(f"{what}: {explain(error)}")
            return False
        return True

    def _unsubscribe(self) -> None:
        sns, queue = self.connection.sns(), self.names.queue_arn(self.stack)
        pages = sns.get_paginator("list_subscriptions_by_topic")
        removed = 0
        for topic in (self.stack.review_topic_arn, self.stack.alert_topic_arn):
            for page in pages.paginate(TopicArn=topic):
                for one in page["Subscriptions"]:
                    if one.get("Endpoint") == queue:
                        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
                        removed += 1
        self._note(removed, "subscription", "subscriptions")

    def _delete_queue(self) -> None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        sqs = self.connection.sqs()
        try:
            sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=self.names.queue)["QueueUrl"])
        except ClientError as error:
            if not error_code(error).endswith(("NonExistentQueue", "QueueDoesNotExist")):
                raise
            return
        self._note(1, "queue", "queues")

    def _delete_claims(self) -> list[str]:
        """Delete the claims that are closed; returns the names of images whose claim is open."""
        dynamodb, busy, removed = self.connection.dynamodb(), [], 0
        for key, etag in self._claim_keys():
            item = read_claim(dynamodb, self.stack.claims_table, key, etag)
            if not item:
                continue
            if "finished_at" not in item:
                busy.append(key.removeprefix(self._images_prefix))
                continue
            dynamodb.delete_item(
                TableName=self.stack.claims_table, Key={"image_key": {"S": key}, "etag": {"S": etag}}
            )
            removed += 1
        self._note(removed, "claim", "claims")
        return busy

    def _claim_keys(self) -> list[ClaimKey]:
        """Return the key of each claim that may be there: of each image version, and of the unreadable image."""
        s3 = self.connection.s3()
        found = {
            (key, etag) for key, etag in _image_versions(s3, self.stack.image_bucket, self._images_prefix)
        }
        unreadable = f"{self._images_prefix}{self.names.unreadable_name}"
        return sorted({*found, (unreadable, UNREADABLE_ETAG)})

    def _delete_versions(self, what: str, bucket: str, prefixes: Sequence[str]) -> None:
        s3 = self.connection.s3()
        removed = 0
        versions = [one for prefix in prefixes for one in _all_versions(s3, bucket, prefix)]
        for batch in batched(versions, _BATCH, strict=False):
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": list(batch), "Quiet": True})
            refused = answer.get("Errors", [])
            removed += len(batch) - len(refused)
            if refused:
                first = refused[0]
                self.left.append(
                    f"{comma(len(refused), f'{what} version', f'{what} versions')} in s3://{bucket}/: "
                    f"{first.get('Code')} {first.get('Message') or ''}".rstrip()
                )
        self._note(removed, f"{what} version", f"{what} versions")

    def _note(self, count: int, one: str, many: str) -> None:
        if count:
            self.removed.append(comma(count, one, many))


def _image_versions(s3: "S3Client", bucket: str, prefix: str) -> Iterator[ClaimKey]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for version in page.get("Versions", []):
            yield version["Key"], version["ETag"].strip('"')


def _all_versions(s3: "S3Client", bucket: str, prefix: str) -> Iterator["ObjectIdentifierTypeDef"]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
            yield {"Key": one["Key"], "VersionId": one["VersionId"]}
