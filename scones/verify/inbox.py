"""A queue that is subscribed to both topics while a verification runs, and the messages about its images."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from scones.stack import Stack
from scones.verify.run_names import RunNames

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

    from scones.connection import Connection

# A message that was received must not appear again: longer than any run. The queue itself is deleted at the end.
_HIDDEN_S: Final = "43200"
_RETENTION_S: Final = "3600"
# A wait of at least a second asks all servers of the queue ("Amazon SQS short and long polling").
_WAIT_S: Final = 1


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
