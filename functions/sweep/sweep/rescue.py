"""Handle one image: describe its execution, start a new one, or report that the image is given up.

Images that are given up go into the queue that `scones redrive` reads, and into one notification.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock, Semaphore
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sweep.claims import (
    Claim,
    ClaimsUnavailableError,
    DynamoDB,
    count_sweep,
    leave_finished,
    leave_index,
    mark_reported,
    undo_sweep,
    unmark_reported,
)
from sweep.decision import GONE, Decision, Kind, Limits, by_claim
from sweep.images import Image, event_of
from sweep.observability import logger
from sweep.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient

OF_ONE_IMAGE = (ClientError, BotoCoreError, ClaimsUnavailableError)
"""Errors that must not end a run, because other images may succeed. Programming errors may end it."""
MAX_MESSAGE_BYTES = 250_000
"""Below SNS's 256 KiB, with room for the text around the list."""
NEXT_STEP = (
    "Find out why their executions fail (`scones status`, the workflow's log), fix it, then run `scones redrive`: "
    "it starts these images again. Sweeps no longer start them."
)


@dataclass(frozen=True, slots=True)
class Clients:
    """The boto3 clients of a sweep; threads share them."""

    s3: "S3Client"
    dynamodb: DynamoDB
    stepfunctions: "SFNClient"
    sqs: "SQSClient"
    sns: "SNSClient"
    ssm: "SSMClient"


@dataclass(slots=True)
class Rescue:
    """Handles the images of one run; `handle` may be called from many threads."""

    clients: Clients
    settings: Settings
    _reports: list[tuple[Image, str, datetime]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _starts: Semaphore = field(init=False)

    def __post_init__(self) -> None:
        """Create the counter of starts that are still allowed."""
        self._starts = Semaphore(self.settings.max_starts_per_run)

    def handle(
        self, image: Image, claim: Claim, now: datetime, limits: Limits, *, dry_run: bool
    ) -> Decision | None:
        """
        Decide on an image and carry the decision out.

        Returns
        -------
        Decision or None
            What was done, or would be in a dry run. An error is returned, not raised: it must not end the run.
            REPORTED is still to be published by `publish_reports`. None when the image should be started but the
            limit of starts is reached.
        """
        try:
            owner = owner_status(self.clients.stepfunctions, claim)
            decision = by_claim(claim, owner, now, limits)
            return decision if dry_run else self._do(image, claim, decision, now)
        except OF_ONE_IMAGE as error:
            logger.exception("image not handled", key=image.key)
            return Decision(Kind.ERRORS, f"{type(error).__name__}: {error}")

    def publish_reports(self) -> Iterator[tuple[Image, Decision]]:
        """Notify people of all images given up, in one message; yields the outcome of each report."""
        if not self._reports:
            return
        self._reports.sort(key=lambda report: report[0].name)  # threads added them in any order
        try:
            publish(
                self.clients.sns, self.settings.alert_topic_arn, [(i, why) for i, why, _ in self._reports]
            )
        except OF_ONE_IMAGE as error:
            logger.exception("report not published")
            for image, _, marked_at in self._reports:  # so that the next run reports them
                unmark_reported(self.clients.dynamodb, self.settings.claims_table, image, marked_at)
                yield image, Decision(Kind.ERRORS, f"not reported: {error}")
        else:
            for image, why, _ in self._reports:
                yield image, Decision(Kind.REPORTED, why)

    def _do(self, image: Image, claim: Claim, decision: Decision, now: datetime) -> Decision | None:
        match decision.kind:
            case Kind.STARTED:
                return self._start(image, claim, decision, now)
            case Kind.REPORTED:
                return self._give_up(image, claim, decision, now)
            case Kind.EXHAUSTED if claim.indexed:
                leave_index(self.clients.dynamodb, self.settings.claims_table, image, claim)
        return decision

    def _start(self, image: Image, claim: Claim, decision: Decision, now: datetime) -> Decision | None:
        if not self._starts.acquire(blocking=False):
            return None
        table = self.settings.claims_table
        if not count_sweep(self.clients.dynamodb, table, image, claim, now):
            self._starts.release()
            if claim.indexed and leave_finished(self.clients.dynamodb, table, image):
                return Decision(Kind.FINISHED, "has its outcome")
            return Decision(Kind.RUNNING, "its claim was changed meanwhile")
        try:
            execution = start(self.clients.stepfunctions, self.settings.workflow_arn, image)
        except Exception:
            undo_sweep(self.clients.dynamodb, table, image, claim, now)
            raise
        logger.info("started", key=image.key, execution=execution, why=decision.why)
        return decision

    def _give_up(self, image: Image, claim: Claim, decision: Decision, now: datetime) -> Decision:
        # The queue first: redrive handles an image that is there twice, but one that is missing there is lost.
        hand_over(self.clients.sqs, self.settings.failed_queue_url, image, decision.why)
        if not mark_reported(self.clients.dynamodb, self.settings.claims_table, image, claim, now):
            return Decision(Kind.EXHAUSTED, decision.why)
        with self._lock:
            self._reports.append((image, decision.why, now))
        logger.warning("given up", key=image.key, why=decision.why)
        return decision


def owner_status(client: "SFNClient", claim: Claim) -> str | None:
    """Return the status of the execution that owns an unfinished image; None where it cannot be described."""
    if claim.finished or claim.execution is None or not claim.is_standard:
        return None
    try:
        return client.describe_execution(executionArn=claim.execution)["status"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ExecutionDoesNotExist":
            raise
        return GONE


def start(client: "SFNClient", workflow_arn: str, image: Image) -> str:
    """Start an execution for an image and return its ARN."""
    event = json.dumps(event_of(image), ensure_ascii=False)
    return client.start_execution(stateMachineArn=workflow_arn, input=event)["executionArn"]


def hand_over(client: "SQSClient", queue_url: str, image: Image, why: str) -> None:
    """Put an image into the queue that `scones redrive` reads, with the reason."""
    client.send_message(
        QueueUrl=queue_url,
        MessageBody=json.dumps(event_of(image), ensure_ascii=False),
        MessageAttributes={"ERROR_MESSAGE": {"DataType": "String", "StringValue": why}},
    )


def publish(client: "SNSClient", topic_arn: str, given_up: Sequence[tuple[Image, str]]) -> None:
    """Notify people of all images that a run gave up."""
    count = len(given_up)
    client.publish(
        TopicArn=topic_arn,
        Subject=f"{count:,} {'image' if count == 1 else 'images'} could not be brought to an outcome",
        Message=message_of(given_up),
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": "none"}},
    )


def message_of(given_up: Sequence[tuple[Image, str]]) -> str:
    """Return the message: JSON, at most 256 KiB; `not_listed` counts the images that did not fit."""
    listed: list[dict[str, Any]] = []
    size = 0
    for image, why in given_up:
        one = {
            "bucket": image.bucket,
            "key": image.key,
            "etag": image.etag,
            "version_id": image.version_id,
            "reason": why,
        }
        # Indented JSON, nested in a list: each image takes five lines and two of braces.
        size += len(json.dumps(one, ensure_ascii=False).encode()) + 60
        if size > MAX_MESSAGE_BYTES:
            break
        listed.append(one)
    document = {
        "reason": f"{len(given_up):,} images have no outcome although sweeps started them repeatedly.",
        "next_step": NEXT_STEP,
        "not_listed": len(given_up) - len(listed),
        "images": listed,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
