"""The queue of failed images: messages are held while their images are redriven, deleted or given back after."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import batched
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

BATCH = 10
HELD_S, RENEWED_AFTER_S = 120, 40
"""A message is hidden this long, and again before the time is over: a redrive that is killed loses none."""
WAIT_S = 1
"""Long polling asks all of SQS's servers: without it an answer may be empty although there are messages."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was received; `attributes` are its texts by name."""

    id: str
    handle: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


class FailedQueue:
    """Hands out messages and knows which of them it still has to give back."""

    def __init__(self, sqs: "SQSClient", url: str, clock: Callable[[], float]) -> None:
        self._sqs = sqs
        self._url = url
        self._clock = clock
        self._held: dict[str, Message] = {}
        self._renewed_at = clock()

    def receive(self) -> list[Message]:
        """Take up to ten messages; none means that the queue is empty, or all are in other hands."""
        self.keep()
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=BATCH,
            VisibilityTimeout=HELD_S,
            WaitTimeSeconds=WAIT_S,
            MessageAttributeNames=["All"],
        )
        messages = [
            Message(
                id=one["MessageId"],
                handle=one["ReceiptHandle"],
                body=one["Body"],
                attributes={
                    name: value.get("StringValue", "")
                    for name, value in one.get("MessageAttributes", {}).items()
                },
            )
            for one in answer.get("Messages", [])
        ]
        self._held |= {message.id: message for message in messages}
        return messages

    def keep(self) -> None:
        """Hide the messages in hand for another while, when it is time to."""
        if self._held and self._clock() - self._renewed_at >= RENEWED_AFTER_S:
            self._hide(self._held.values(), HELD_S)
            self._renewed_at = self._clock()

    def delete(self, messages: Iterable[Message]) -> None:
        """Delete messages; one that could not be deleted is returned to the queue at the end."""
        for batch in batched(messages, BATCH, strict=False):
            entries = [
                {"Id": str(number), "ReceiptHandle": message.handle} for number, message in enumerate(batch)
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)  # type: ignore[arg-type]
            for done in answer.get("Successful", []):
                self._held.pop(batch[int(done["Id"])].id, None)

    def give_back(self) -> None:
        """Make every message still in hand visible again, now if SQS answers, else when its time is over."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        with suppress(BotoCoreError, ClientError):
            self._hide(self._held.values(), 0)
        self._held.clear()

    def _hide(self, messages: Iterable[Message], seconds: int) -> None:
        for batch in batched(messages, BATCH, strict=False):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message.handle, "VisibilityTimeout": seconds}
                    for number, message in enumerate(batch)
                ],
            )
