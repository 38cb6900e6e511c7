"""A stack with something in everything, in moto, for `scones destroy`; calls can be made to fail or to be watched."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import boto3
import pytest

from scones.pace import Pace
from tests.fakes.cloudformation import FakeStack, FakeStacks
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS

ROLE = "arn:aws:iam::123456789012:role/r"
RULES = ("uploads", "schedule", "died")
LOGS, LATE_LOGS = "logs-of-serialize", "/aws/lambda/serialize"
PARAMETERS = {
    "EndpointName": "the-endpoint",
    "Labels": "bicycle,motorcycle",
    "ConfidenceThreshold": "0.8",
    "KmsKeyArn": "",
}


@cache
def client(service: str) -> Any:
    """Make a client once: that takes longer than all calls of a test."""
    return boto3.client(service, region_name=REGION)  # type: ignore[call-overload]


type Hook = Callable[[dict[str, Any]], Any]
"""Called with a request before it is sent: may raise, or return an answer instead of AWS's."""


@dataclass
class Destroyable:
    """What is deployed, every call made in order, and hooks on calls by operation."""

    stacks: FakeStacks
    machine: str
    queue: str
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    hooks: dict[str, Hook] = field(default_factory=dict)
    slept: list[float] = field(default_factory=list)

    @property
    def stack(self) -> FakeStack:
        return self.stacks.stacks[0]

    def client(self, service: str) -> Any:
        return client(service)

    def put(self, bucket: str, *keys: str) -> None:
        for key in keys:
            self.client("s3").put_object(Bucket=bucket, Key=key, Body=b"0123456789")

    def start(self) -> str:
        started = self.client("stepfunctions").start_execution(stateMachineArn=self.machine, input="{}")
        return str(started["executionArn"])

    def operations(self) -> list[str]:
        """The names of the calls in order, each once where it was repeated."""
        names = [name for name, _ in self.calls]
        return [name for number, name in enumerate(names) if not number or names[number - 1] != name]

    def buckets(self) -> set[str]:
        return {bucket["Name"] for bucket in self.client("s3").list_buckets()["Buckets"]}

    def left(self) -> dict[str, Any]:
        """What there is of the stack, without the mocks' own."""
        rules = self.client("events").list_rules()["Rules"]
        return {
            "buckets": self.buckets(),
            "tables": self.client("dynamodb").list_tables()["TableNames"],
            "enabled": [rule["Name"] for rule in rules if rule["State"] == "ENABLED"],
            "stack": self.stack.status,
        }


def deploy(monkeypatch: pytest.MonkeyPatch) -> Destroyable:
    """Deploy it into the moto that is running, and let `scones` find it."""
    s3, events, states = client("s3"), client("events"), client("stepfunctions")
    for bucket in (IMAGES, RESULTS):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for name in RULES:
        events.put_rule(Name=name, ScheduleExpression="rate(15 minutes)")
    key = [{"AttributeName": "image_key", "KeyType": "HASH"}]
    kinds = [{"AttributeName": "image_key", "AttributeType": "S"}]
    client("dynamodb").create_table(
        TableName="claims", KeySchema=key, AttributeDefinitions=kinds, BillingMode="PAY_PER_REQUEST"
    )
    client("dynamodb").put_item(TableName="claims", Item={"image_key": {"S": "incoming/a"}})
    queue = client("sqs").create_queue(QueueName="failed-images")["QueueUrl"]
    client("sqs").send_message(QueueUrl=queue, MessageBody="x")
    client("logs").create_log_group(logGroupName=LOGS)
    definition = json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}})
    machine = states.create_state_machine(name="triage", definition=definition, roleArn=ROLE)
    arn = machine["stateMachineArn"]
    nested = FakeStack("monitoring", [("Dashboard", "AWS::CloudWatch::Dashboard", "board")])
    root = FakeStack(
        "scones",
        [
            ("ImageBucket", "AWS::S3::Bucket", IMAGES),
            ("ResultsBucket", "AWS::S3::Bucket", RESULTS),
            ("ImageClaims", "AWS::DynamoDB::Table", "claims"),
            ("FailedImages", "AWS::SQS::Queue", queue),
            *((name, "AWS::Events::Rule", name) for name in RULES),
            ("ClassifyImage", "AWS::StepFunctions::StateMachine", arn),
            ("SerializeLogs", "AWS::Logs::LogGroup", LOGS),
            ("Serialize", "AWS::Lambda::Function", "serialize"),
            ("UploaderPolicy", "AWS::IAM::ManagedPolicy", "uploaders"),
            ("Monitoring", "AWS::CloudFormation::Stack", nested.arn),
        ],
        parameters=dict(PARAMETERS),
        skipped={"ImageBucket", "ResultsBucket", "ImageClaims"},
    )
    stacks = FakeStacks([root, nested])
    deployed = Destroyable(stacks, arn, queue)
    stacks.on_delete = lambda: deployed.calls.append(("DeleteStack", {}))
    _watch_calls(deployed, monkeypatch)
    monkeypatch.setattr("scones.connection.Connection.cloudformation", lambda _connection: stacks)
    monkeypatch.setattr(
        "scones.destroy.command.pace_for", lambda _connection: Pace(sleep=deployed.slept.append)
    )
    return deployed


def _watch_calls(deployed: Destroyable, monkeypatch: pytest.MonkeyPatch) -> None:
    from botocore.client import BaseClient

    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def watch(client: Any, operation: str, request: dict[str, Any]) -> Any:
        hook = deployed.hooks.get(operation)
        answer = hook(request) if hook else None
        deployed.calls.append((operation, request))
        return send(client, operation, request) if answer is None else answer

    monkeypatch.setattr(BaseClient, "_make_api_call", watch)
