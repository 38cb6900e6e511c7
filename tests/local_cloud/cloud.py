"""A deployed stack as a scenario sees it: objects go in, events by hand too, and all that comes of them is counted."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

DIED = ("FAILED", "TIMED_OUT", "ABORTED")
ENDED = (*DIED, "SUCCEEDED")


@dataclass(frozen=True, slots=True)
class Image:
    """A version of an object, as its event names it."""

    bucket: str
    key: str
    etag: str
    size: int
    version_id: str | None
    sequencer: str


@dataclass
class Stack:
    """The outputs of a stack at an address, and queues that hear what its topics say."""

    url: str
    outputs: dict[str, str] = field(init=False)
    queues: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        (stack,) = self.client("cloudformation").describe_stacks(StackName="scones")["Stacks"]
        self.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        topics = ("ReviewTopicArn", "AlertTopicArn")
        self.queues = {topic: self._listen_to(self.outputs[topic]) for topic in topics}

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session("test", "test", region_name="us-east-1")

    def client(self, service: str) -> Any:
        config = Config(max_pool_connections=32, retries={"mode": "standard", "total_max_attempts": 4})
        return self._session.client(
            service,  # type: ignore[call-overload]
            endpoint_url=self.url,
            config=config,
        )

    def put(self, bodies: dict[str, bytes]) -> list[Image]:
        """Upload objects, eight at a time."""
        s3, bucket = self.client("s3"), self.outputs["ImageBucketName"]

        def put_one(item: tuple[str, bytes]) -> Image:
            key, body = item
            answer = s3.put_object(Bucket=bucket, Key=key, Body=body)
            etag = answer["ETag"].strip('"')
            return Image(bucket, key, etag, len(body), answer.get("VersionId"), uuid.uuid4().hex[:16].upper())

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(put_one, bodies.items()))

    def send_event(self, image: Image) -> None:
        """Start the workflow as the rule does: with the event of the object as its input.

        EventBridge takes no event of `aws.s3` from anybody but S3, here as on AWS.
        """
        named = {"version-id": image.version_id} if image.version_id else {}
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Object Created",
            "source": "aws.s3",
            "detail": {
                "version": "0",
                "bucket": {"name": image.bucket},
                "object": {
                    "key": image.key,
                    "size": image.size,
                    "etag": image.etag,
                    "sequencer": image.sequencer,
                    **named,
                },
                "request-id": "chaos",
                "reason": "PutObject",
            },
        }
        workflow = self.outputs["WorkflowAliasArn"]
        self.client("stepfunctions").start_execution(stateMachineArn=workflow, input=json.dumps(event))

    def is_busy(self) -> bool:
        """Whether an execution of the workflow or of the backfill runs."""
        states = self.client("stepfunctions")
        machines = (self.outputs["WorkflowArn"], self.outputs["BackfillArn"])
        return any(
            states.list_executions(stateMachineArn=arn, statusFilter="RUNNING", maxResults=1)["executions"]
            for arn in machines
        )

    def executions(self, *statuses: str) -> set[str]:
        """Return the executions of the workflow that are in one of these states."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        found = set()
        for status in statuses:
            listed = pages.paginate(stateMachineArn=self.outputs["WorkflowArn"], statusFilter=status)
            found |= {execution["executionArn"] for page in listed for execution in page["executions"]}
        return found

    def failed_attempts(self, execution: str) -> list[str]:
        """Return the errors of the tasks that an execution tried in vain."""
        states = self.client("stepfunctions")
        pages = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"] if event["type"] == "TaskFailed"]
        return [event["taskFailedEventDetails"]["error"] for event in events]

    def _listen_to(self, topic: str) -> str:
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=f"chaos-{uuid.uuid4().hex}")["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        options = {"RawMessageDelivery": "true"}
        sns = self.client("sns")
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"], Attributes=options)
        return str(url)

    def heard(self, topic: str) -> list[dict[str, Any]]:
        """Take every message that a topic has sent since the last time."""
        sqs, messages = self.client("sqs"), []
        while batch := sqs.receive_message(QueueUrl=self.queues[topic], MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in batch:
                messages.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queues[topic], ReceiptHandle=message["ReceiptHandle"])
        return messages
