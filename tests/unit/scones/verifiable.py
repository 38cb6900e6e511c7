"""A stack in moto that does with an image what the real one does, and can be told to do one thing wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from scones.pace import Pace

REGION, ACCOUNT = "us-east-1", "123456789012"
IMAGES, RESULTS, CLAIMS = "the-image-bucket", "the-results-bucket", "claims"
FUNCTIONS = ("Serialize", "Classify", "Filter")
METRICS = {"serialize": "ObjectBytes", "classify": "EndpointLatency", "filter": "Confidence"}
TRACE = "1-5759e988-bd862e3fe1be46a994272793"
type Change = Callable[[dict[str, Any]], object]


def keep(_what: dict[str, Any]) -> None:
    """Change nothing."""


def result_document(key: str, etag: str, size: int, outcome: str, execution: str) -> dict[str, Any]:
    """Return a document as the workflow writes it."""
    passed, predicted = outcome == "passed", outcome in {"passed", "review"}
    confidence = 0.97 if passed else 0.55
    error = {"name": "UnsupportedImageError", "message": "the file is text", "state": "Serialize image"}
    return {
        "schema_version": "1",
        "outcome": outcome,
        "reason": f"bicycle at {confidence}" if predicted else error["message"],
        "image": {
            "bucket": IMAGES,
            "key": key,
            "version_id": "v1",
            "etag": etag,
            "size": size,
            "sequencer": "00",
        },
        "label": "bicycle" if predicted else None,
        "confidence": confidence if predicted else None,
        "threshold": 0.8 if predicted else None,
        "inferences": [confidence, 1 - confidence] if predicted else None,
        "labels": ["bicycle", "motorcycle"],
        "endpoint": {"name": "the-endpoint", "variant": "AllTraffic"} if predicted else None,
        "execution": execution,
        "s3_request_id": None,
        "started_at": "2026-11-26T10:00:00.000Z",
        "finished_at": "2026-11-26T10:00:01.000Z",
        "error": None if predicted else error,
    }


@dataclass(eq=False)
class VerifiableStack:
    """The stack, and what it does wrong. Each pause of the command is a second in which it works."""

    session: boto3.Session = field(default_factory=lambda: boto3.Session(region_name=REGION))
    topics: dict[str, str] = field(default_factory=dict)
    kind: str = "STANDARD"
    change_document: Change = keep
    change_claim: Change = keep
    change_log: Change = keep
    loses: str | None = None
    keeps_claim_open: bool = False
    publishes: bool = True
    unsure: bool = False
    alerts: bool = False
    runs_again: bool = False
    ends_again_as: str = "claimed before"
    logs: bool = True
    measures: bool = True
    fails_readably: bool = True
    now: float = 0.0
    interrupt_at: float | None = None
    seen: set[tuple[str, str]] = field(default_factory=set)
    executions: dict[str, str] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.s3, self.dynamodb = self.client("s3"), self.client("dynamodb")
        for bucket in (IMAGES, RESULTS):
            self.s3.create_bucket(Bucket=bucket)
            self.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb.create_table(
            TableName=CLAIMS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("image_key", "etag")
            ],
            KeySchema=[
                {"AttributeName": "image_key", "KeyType": "HASH"},
                {"AttributeName": "etag", "KeyType": "RANGE"},
            ],
        )
        sns = self.client("sns")
        self.topics = {name: sns.create_topic(Name=name)["TopicArn"] for name in ("review", "alert")}
        logs = self.client("logs")
        for function in FUNCTIONS:
            logs.create_log_group(logGroupName=f"log-of-{function}")
            logs.create_log_stream(logGroupName=f"log-of-{function}", logStreamName="s")

    @cache  # noqa: B019 (a stack lives as long as its test)
    def client(self, service: str) -> Any:
        return self.session.client(service)  # type: ignore[call-overload]

    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self.work, longest_s=30)

    def work(self, seconds: float = 0) -> None:
        self.now += max(1, seconds)
        if self.interrupt_at is not None and self.now >= self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt
        for item in self.s3.list_objects_v2(Bucket=IMAGES, Prefix="incoming/").get("Contents", []):
            name = item["Key"], item["ETag"].strip('"')
            if name not in self.seen and (self.loses is None or self.loses not in item["Key"]):
                self.seen.add(name)
                self.classify(*name, item["Size"])

    def classify(self, key: str, etag: str, size: int) -> None:
        judged = "review" if self.unsure or "scone.png" in key else "passed"
        outcome = "rejected" if key.endswith(".txt") else judged
        execution = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:triage:{len(self.seen)}"
        document = result_document(key, etag, size, outcome, execution)
        self.change_document(document)
        self.store(document)
        self.close(document)
        if outcome == "review" and self.publishes:
            self.publish("review", document)
        if self.alerts and outcome == "passed":
            self.publish("alert", document)
        self.log(execution, FUNCTIONS[:1] if outcome == "rejected" else FUNCTIONS)

    def store(self, document: dict[str, Any]) -> None:
        image = document["image"]
        label = f"{document['label']}/" if document["outcome"] == "passed" else ""
        below = image["key"].removeprefix("incoming/")
        key = f"{document['outcome']}/{label}{below}/{image['etag']}.json"
        self.s3.put_object(Bucket=RESULTS, Key=key, Body=json.dumps(document).encode())

    def close(self, document: dict[str, Any]) -> None:
        item: dict[str, Any] = {
            "image_key": {"S": document["image"]["key"]},
            "etag": {"S": document["image"]["etag"]},
            "execution": {"S": document["execution"]},
            "attempts": {"N": "1"},
            "claimed_at": {"S": "2026-11-26T10:00:00Z"},
            "claim_ends": {"N": "9"},
        }
        if not self.keeps_claim_open:
            item |= {
                "finished_at": {"S": "2026-11-26T10:00:01Z"},
                "outcome": {"S": document["outcome"]},
            }
            if document["label"]:
                item["label"] = {"S": document["label"]}
            if document["outcome"] == "review":
                item["state_shard"] = {"S": "person#7"}
        self.change_claim(item)
        self.dynamodb.put_item(TableName=CLAIMS, Item=item)

    def publish(self, topic: str, document: dict[str, Any]) -> None:
        self.client("sns").publish(TopicArn=self.topics[topic], Message=json.dumps(document))

    def log(self, execution: str, functions: tuple[str, ...]) -> None:
        for function in functions:
            line = {"message": "done", "correlation_id": execution, "xray_trace_id": TRACE}
            self.change_log(line)
            embedded = {"_aws": {}, "correlation_id": execution}
            if self.logs:
                self.client("logs").put_log_events(
                    logGroupName=f"log-of-{function}",
                    logStreamName="s",
                    logEvents=[
                        {"timestamp": int(time.time() * 1000), "message": text}
                        for text in (json.dumps(embedded), f"START {execution}", json.dumps(line))
                    ],
                )
            if self.measures:
                self.client("cloudwatch").put_metric_data(
                    Namespace="Scones/scones",
                    MetricData=[
                        {
                            "MetricName": METRICS[function.lower()],
                            "Dimensions": [{"Name": "service", "Value": function.lower()}],
                            "Value": 1,
                        }
                    ],
                )

    # Step Functions, as far as it is asked.

    def describe_state_machine(self, *, stateMachineArn: str) -> dict[str, Any]:  # noqa: N803
        self.called.add("states:DescribeStateMachine")
        return {"type": self.kind}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002, N803
        self.called.add("states:StartExecution")
        assert stateMachineArn.endswith(":live")
        event = json.loads(input)
        assert "redrive" not in event
        one, arn = event["detail"]["object"], f"arn:aws:states:{REGION}:{ACCOUNT}:execution:triage:{name}"
        self.executions[arn] = json.dumps({"outcome": self.ends_again_as})
        if name.endswith("-failed"):
            assert event["detail"]["bucket"]["name"] == RESULTS
            document = result_document(one["key"], one["etag"], one["size"], "failed", arn)
            document["reason"] = "AccessDenied" if self.fails_readably else ""
            self.store(document)
            self.close(document)
            self.publish("alert", document)
        elif self.runs_again:
            outcome = "review" if "scone.png" in one["key"] else "passed"
            document = result_document(one["key"], one["etag"], one["size"], outcome, arn)
            self.store(document)
            self.close(document)
            self.log(arn, FUNCTIONS)
            if outcome == "review":
                self.publish("review", document)
        return {"executionArn": arn}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        self.called.add("states:DescribeExecution")
        assert self.kind == "STANDARD"
        return {"status": "SUCCEEDED", "output": self.executions[executionArn]}

    exceptions = SimpleNamespace(ExecutionDoesNotExist=LookupError)

    def left(self) -> list[str]:
        """Return what is there of whatever run: objects with all versions, claims, queues, subscriptions."""
        found = [
            f"{bucket}/{one['Key']}"
            for bucket in (IMAGES, RESULTS)
            for page in [self.s3.list_object_versions(Bucket=bucket)]
            for one in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        ]
        found += [f"claim {item['image_key']['S']}" for item in self.dynamodb.scan(TableName=CLAIMS)["Items"]]
        found += self.client("sqs").list_queues().get("QueueUrls", [])
        found += [
            one["Endpoint"]
            for one in self.client("sns").list_subscriptions()["Subscriptions"]
            if one["Protocol"] == "sqs"
        ]
        return found


def log_groups(stack: VerifiableStack) -> Callable[[str], Any]:
    """Return the paginator of a fake CloudFormation that lists the log groups of the functions."""
    listed = [
        {
            "LogicalResourceId": f"{function}Logs",
            "ResourceType": "AWS::Logs::LogGroup",
            "PhysicalResourceId": f"log-of-{function}",
        }
        for function in FUNCTIONS
    ]

    def pages(**_stack: str) -> Iterator[dict[str, Any]]:
        stack.called.add("cloudformation:ListStackResources")
        yield {"StackResourceSummaries": listed}

    return lambda _name: SimpleNamespace(paginate=pages)


@contextmanager
def watched_calls(*refused: str) -> Iterator[set[str]]:
    """Note every request that is made, as service:Operation, and refuse some operations."""
    made: set[str] = set()
    client: Any = BaseClient  # whose stubs omit private attributes
    original = client._make_api_call

    def call(self: BaseClient, operation: str, request: dict[str, Any]) -> object:
        made.add(f"{self.meta.service_model.service_name}:{operation}")
        if operation in refused:
            raise ClientError(
                {"Error": {"Code": "AccessDenied", "Message": "no policy allows it"}}, operation
            )
        return original(self, operation, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield made


def verified(scones: Callable[..., Any], *options: str, code: int = 0) -> dict[str, Any]:
    """Run the command, and return its document."""
    result = scones("verify", "--json", *options)
    assert result.exit_code == code, result.stdout + result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def stack_in_place(
    outputs: dict[str, str], cloudformation: Any, monkeypatch: pytest.MonkeyPatch
) -> VerifiableStack:
    """Make a stack, inside moto, and let the commands find it."""
    fake = VerifiableStack()
    outputs["ReviewTopicArn"], outputs["AlertTopicArn"] = fake.topics["review"], fake.topics["alert"]
    monkeypatch.setattr(cloudformation, "get_paginator", log_groups(fake), raising=False)
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: fake)
    monkeypatch.setattr("scones.verify.command.pace_for", lambda _connection: fake.pace())
    monkeypatch.setattr("scones.verify.run_resources._WAIT_S", 0)
    return fake
