"""Start held images, about the oldest first and no faster than the stack's rate.

A message is deleted after its execution was started. A run that dies between the two starts the image once more later,
and the claim ends that execution at its first state.
"""

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
            When Step Functions refuses an image. A message that is not an event does not keep others from their start.
        """
        started, begun, refused = 0, clock(), None
        while remaining_ms() >= TIME_TO_STOP_MS:
            messages = self._receive()
            if not messages:
                break
            done, error = self._start(messages)
            started += len(done)
            self._delete(done)
            if error is not None:
                refused = error
                if _code(error) != NOT_AN_EVENT:
                    break
            ahead_s = started / self.settings.drain_per_second - (clock() - begun)
            if ahead_s * 1000 >= remaining_ms() - TIME_TO_STOP_MS:
                break
            sleep(max(0.0, ahead_s))
        if refused is not None:
            raise DrainFailedError(f"{started} held images were started; then: {refused}") from refused
        return started

    def _receive(self) -> list["MessageTypeDef"]:
        # One second: a receive that does not wait asks some of the queue's servers only, and may miss what is there.
        found = self.sqs.receive_message(
            QueueUrl=self.settings.held_images_url,
            MaxNumberOfMessages=max(1, min(BATCH, self.settings.drain_per_second)),
            MessageSystemAttributeNames=["SentTimestamp"],
            VisibilityTimeout=INVISIBLE_S,
            WaitTimeSeconds=1,
        ).get("Messages", [])
        return sorted(found, key=lambda message: int(message.get("Attributes", {}).get("SentTimestamp", 0)))

    def _start(self, messages: Sequence["MessageTypeDef"]) -> tuple[list["MessageTypeDef"], Exception | None]:
        """Start an execution for each message, with the event as its input; return the started, and one error."""

        def start(message: "MessageTypeDef") -> Exception | None:
            try:
                self.stepfunctions.start_execution(
                    stateMachineArn=self.settings.workflow_arn, input=message["Body"]
                )
            except (ClientError, BotoCoreError) as error:
                logger.exception("held image not started", message_id=message["MessageId"])
                return error
            return None

        with ThreadPoolExecutor(THREADS) as pool:
            errors = list(pool.map(start, messages))
        done = [message for message, error in zip(messages, errors, strict=True) if error is None]
        failed = [error for error in errors if error is not None]
        # One that ends the run counts before one that does not.
        return done, min(failed, key=lambda error: _code(error) == NOT_AN_EVENT, default=None)

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


def _code(error: Exception) -> str | None:
    return error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
