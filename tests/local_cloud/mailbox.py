"""A queue that receives every message of a topic."""

from __future__ import annotations

import json
import uuid
from typing import Any

from tests.local_cloud.cloud import LocalCloud


class Mailbox:
    """Subscribes to the topic named by an output of the stack, such as `AlertTopicArn`."""

    def __init__(self, cloud: LocalCloud, topic: str) -> None:
        self._sqs = cloud.client("sqs")
        self._url = self._sqs.create_queue(QueueName=f"mailbox-{uuid.uuid4().hex}")["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        cloud.client("sns").subscribe(
            TopicArn=cloud.outputs[topic],
            Protocol="sqs",
            Endpoint=attributes["Attributes"]["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )

    def messages(self) -> list[dict[str, Any]]:
        """Return every message received since the last call."""
        found = []
        while batch := self._receive():
            for message in batch:
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def _receive(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        return list(answer.get("Messages", []))
