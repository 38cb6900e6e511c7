"""What one run of `scones verify` makes, by name, and its queue, which is subscribed to both topics while it runs."""

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from scones.errors import SconesError
from scones.result_documents import VERIFICATION_FOLDER
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from scones.connection import Connection

UNREADABLE_ETAG: Final = "0" * 32
"""ETag of the image that no bucket holds: the one of `--failed`."""
_RUN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
# A message that was received must not appear again: longer than any run. The queue itself is deleted at the end.
_HIDDEN_S: Final = "43200"
_RETENTION_S: Final = "3600"
# A wait of at least a second asks all servers of the queue ("Amazon SQS short and long polling").
_WAIT_S: Final = 1


@dataclass(frozen=True, slots=True)
class RunNames:
    """The id of a run, such as `20261126T201500Z-4f2a1c` (UTC), and the names made from it."""

    run: str

    @classmethod
    def new(cls) -> Self:
        """Return names that no other run has."""
        return cls(f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}")

    @classmethod
    def of_earlier_run(cls, run: str) -> Self:
        """Return the names of a run whose id a user gave.

        Raises
        ------
        SconesError
            When it is not the id of a run.
        """
        if not _RUN.fullmatch(run):
            message = f"not the id of a run: {run!r}; a run prints its id, such as 20261126T201500Z-4f2a1c"
            raise SconesError(message)
        return cls(run)

    @property
    def folder(self) -> str:
        """The folder of its images, below the beginning of all keys."""
        return f"{VERIFICATION_FOLDER}/{self.run}/"

    @property
    def unreadable_name(self) -> str:
        """Name of the image that the workflow's role cannot read, in the folder."""
        return "unreadable.png"

    @property
    def queue(self) -> str:
        """Name of the queue that is subscribed to both topics while it runs."""
        return f"{VERIFICATION_FOLDER}-{self.run}"

    def queue_arn(self, stack: Stack) -> str:
        """ARN of that queue: of the same partition, region and account as the topics."""
        _, partition, _, region, account, _ = stack.review_topic_arn.split(":")
        return f"arn:{partition}:sqs:{region}:{account}:{self.queue}"

    def execution(self, purpose: str) -> str:
        """Name of an execution that it starts itself."""
        return f"{self.queue}-{purpose}"


@dataclass(frozen=True, slots=True)
class TopicMessage:
    """One message of a topic about an image of this run. Deliveries of it again have the same id."""

    message_id: str
    topic_arn: str
    image_key: str
    content: dict[str, Any]


@dataclass(slots=True)
class Inbox:
    """The queue. Messages about other images are received too and forgotten: a topic has no filter by key."""

    sqs: "SQSClient"
    url: str
    image_prefix: str
    messages: dict[str, TopicMessage] = field(default_factory=dict)

    def collect(self) -> list[TopicMessage]:
        """Take in what has arrived, and return all messages about images of this run so far."""
        while received := self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_S
        ).get("Messages", []):
            for message in _notifications(one["Body"] for one in received):
                if message.image_key.startswith(self.image_prefix):
                    self.messages[message.message_id] = message
        return list(self.messages.values())

    def about(self, topic_arn: str, image_key: str | None = None) -> list[TopicMessage]:
        """Return the messages so far of a topic, of all images or of one."""
        return [
            message
            for message in self.messages.values()
            if message.topic_arn == topic_arn and image_key in {None, message.image_key}
        ]


def open_inbox(connection: "Connection", stack: Stack, names: RunNames, image_prefix: str) -> Inbox:
    """Make the queue and subscribe it; `scones.verify.cleanup` removes both."""
    sqs, sns = connection.sqs(), connection.sns()
    arn, topics = names.queue_arn(stack), [stack.review_topic_arn, stack.alert_topic_arn]
    # "Fanout Amazon SNS notifications to Amazon SQS queues": the topic's service needs the queue's permission.
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topics}},
            }
        ],
    }
    url = sqs.create_queue(
        QueueName=names.queue,
        Attributes={
            "Policy": json.dumps(policy),
            "VisibilityTimeout": _HIDDEN_S,
            "MessageRetentionPeriod": _RETENTION_S,
            "SqsManagedSseEnabled": "true",
        },
    )["QueueUrl"]
    for topic in topics:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return Inbox(sqs, url, image_prefix)


def _notifications(bodies: Iterator[str]) -> Iterator[TopicMessage]:
    for body in bodies:
        try:
            envelope = json.loads(body)
            content = json.loads(envelope["Message"])
            key = content["image"]["key"]
            yield TopicMessage(envelope["MessageId"], envelope["TopicArn"], key, content)
        except (ValueError, KeyError, TypeError):
            continue  # an alarm, or anything else that is not about an image
