"""Start held images, about the oldest first and no faster than the stack's rate.

A message is deleted after its execution was started. A run that dies between the two starts the image once more later,
and the claim ends that execution at its first state. A message that is no event of an upload is set aside: it goes to
the queue of failed images, with the reason, and an operator sees it there.
"""

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from breaker.observability import logger
from breaker.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef
    from mypy_boto3_stepfunctions import SFNClient

TIME_TO_STOP_MS = 8_000
"""Time for one more batch: a receive that waits a second, ten starts with their retries, one delete."""
BATCH = 10
THREADS = 5
INVISIBLE_S = 60
NOT_AN_EVENT = "InvalidExecutionInput"
PROBE = "probe-"
"""How the names of probes begin."""


class DrainFailedError(Exception):
    """An image could not be started; its message stays in the queue, and the next run repeats it."""


@dataclass(frozen=True, slots=True)
class Drain:
    """The queue of held images, and the workflow that they are for."""

    sqs: "SQSClient"
    stepfunctions: "SFNClient"
    settings: Settings

    def run(
        self, remaining_ms: Callable[[], int], clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> int:
        """
        Start held images until none is left or the time is over, and return how many.

        Raises
        ------
        DrainFailedError
            When Step Functions refuses an image.
        """
        started, begun = 0, clock()
        while remaining_ms() >= TIME_TO_STOP_MS:
            # The first does not wait: on nearly all minutes nothing is held. What it misses, the next run finds.
            messages = self._receive(wait_s=1 if started else 0)
            if not messages:
                break
            errors = self._start(messages)
            started += errors.count(None)
            self._delete([message for message, error in zip(messages, errors, strict=True) if error is None])
            if refusal := next(
                (error for error in errors if error is not None and not _is_no_event(error)), None
            ):
                raise DrainFailedError(f"{started} held images were started; then: {refusal}") from refusal
            ahead_s = started / self.settings.drain_per_second - (clock() - begun)
            if ahead_s * 1000 >= remaining_ms() - TIME_TO_STOP_MS:
                break
            sleep(max(0.0, ahead_s))
        return started

    def probe(self) -> str | None:
        """
        Start one held image, and return its execution's ARN; None where none is held.

        Its name lets Classify call the endpoint although the breaker is open.

        Raises
        ------
        ClientError, BotoCoreError
            When Step Functions or SQS refuses; the message stays.
        """
        for message in self._receive(1, wait_s=1):
            try:
                started = self.stepfunctions.start_execution(
                    stateMachineArn=self.settings.workflow_arn,
                    name=f"{PROBE}{uuid.uuid4()}",
                    input=message["Body"],
                )
            except ClientError as error:
                if not _is_no_event(error):
                    raise
                self._set_aside(message, error)
                return None
            self._delete([message])
            return started["executionArn"]
        return None

    def _receive(self, most: int = BATCH, *, wait_s: int) -> list["MessageTypeDef"]:
        # A receive that does not wait asks some of the queue's servers only, and may miss what is there.
        found = self.sqs.receive_message(
            QueueUrl=self.settings.held_images_url,
            MaxNumberOfMessages=max(1, min(most, self.settings.drain_per_second)),
            MessageSystemAttributeNames=["SentTimestamp"],
            VisibilityTimeout=INVISIBLE_S,
            WaitTimeSeconds=wait_s,
        ).get("Messages", [])
        return sorted(found, key=lambda message: int(message.get("Attributes", {}).get("SentTimestamp", 0)))

    def _start(self, messages: Sequence["MessageTypeDef"]) -> list[Exception | None]:
        """Start an execution for each message, with the event as its input; return what was raised, in their order."""

        def start(message: "MessageTypeDef") -> Exception | None:
            try:
                self.stepfunctions.start_execution(
                    stateMachineArn=self.settings.workflow_arn, input=message["Body"]
                )
            except (ClientError, BotoCoreError) as error:
                logger.exception("held image not started", message_id=message["MessageId"])
                if _is_no_event(error):
                    self._set_aside(message, error)
                return error
            return None

        with ThreadPoolExecutor(THREADS) as pool:
            return list(pool.map(start, messages))

    def _set_aside(self, message: "MessageTypeDef", error: Exception) -> None:
        """Hand a message over to people; SQS would keep it for 14 days, and each run would fail for it."""
        self.sqs.send_message(
            QueueUrl=self.settings.failed_images_url,
            MessageBody=message["Body"],
            MessageAttributes={
                "ERROR_MESSAGE": {
                    "DataType": "String",
                    "StringValue": f"held, but no event of an upload: {error}",
                }
            },
        )
        self._delete([message])

    def _delete(self, messages: Sequence["MessageTypeDef"]) -> None:
        if not messages:
            return
        answer = self.sqs.delete_message_batch(
            QueueUrl=self.settings.held_images_url,
            Entries=[
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ],
        )
        for failed in answer.get("Failed", []):  # it is received again, and its claim ends the second start
            logger.warning("held image started but not deleted", why=failed.get("Message"))


def _is_no_event(error: Exception) -> bool:
    return isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") == NOT_AN_EVENT
