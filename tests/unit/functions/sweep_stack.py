"""Sweep on a bucket, a table, a queue and a topic of moto, with a Step Functions that can fail; tests move time."""

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag
from moto import mock_aws

from sweep.contract import SweepResponse
from sweep.rescue import Clients, Rescue
from sweep.run import Run
from tests.fakes.aws_clients import client_error
from tests.unit.functions.environment import AWS, SETTINGS, load
from tools.transformed import claims_table

REGION = AWS["AWS_DEFAULT_REGION"]
WORKFLOW = f"arn:aws:states:{REGION}:123456789012:stateMachine:classify"
RECORD_DECISION = SETTINGS["sweep"]["RECORD_DECISION_ARN"]
STANDARD = f"arn:aws:states:{REGION}:123456789012:execution:classify:1"


@dataclass
class FakeStepFunctions:
    """Executions by ARN; `refuse` names keys that cannot be started."""

    statuses: dict[str, str] = field(default_factory=dict)
    refuse: tuple[str, ...] = ()
    started: list[dict[str, Any]] = field(default_factory=list)
    recorded: list[dict[str, Any]] = field(default_factory=list)
    """Inputs of the executions of "Record decision"."""

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        if executionArn not in self.statuses:
            raise client_error("ExecutionDoesNotExist")
        if self.statuses[executionArn] == "throttled":
            raise client_error("ThrottlingException")
        return {"status": self.statuses[executionArn]}

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: N803, A002
        event = json.loads(input)
        if stateMachineArn == RECORD_DECISION:
            if event["image_key"].removeprefix("incoming/") in self.refuse:
                raise client_error("AccessDeniedException")
            self.recorded.append(event)
            return {"executionArn": "express"}
        assert stateMachineArn == WORKFLOW
        if event["detail"]["object"]["key"].removeprefix("incoming/") in self.refuse:
            raise client_error("ExecutionLimitExceeded")
        self.started.append(event)
        return {"executionArn": STANDARD.replace(":1", f":s{len(self.started)}")}

    @property
    def keys(self) -> list[str]:
        return sorted(event["detail"]["object"]["key"].removeprefix("incoming/") for event in self.started)


@dataclass
class Stack:
    """Everything that the function uses; time advances when a test says so."""

    app: Any
    stepfunctions: FakeStepFunctions
    client: Callable[[str], Any]
    queue: str
    mailbox: str
    now: datetime = field(
        default_factory=lambda: datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
    )
    remaining_ms: Callable[[], int] = lambda: 300_000
    run: Run | None = None

    @property
    def clients(self) -> Clients:
        return self.app.clients  # type: ignore[no-any-return]

    @property
    def settings(self) -> Any:
        return self.app.settings

    def set(self, **settings: Any) -> None:
        """Change settings of the function."""
        self.app.settings = replace(self.app.settings, **settings)

    def use(self, **clients: Any) -> None:
        """Give the function other clients."""
        self.app.clients = replace(self.app.clients, **clients)

    def small_pages(self, size: int) -> None:
        """Let the bucket list so many versions at a time."""
        s3 = self.client("s3")

        class SmallPages:
            def list_object_versions(self, **arguments: Any) -> Any:
                return s3.list_object_versions(MaxKeys=size, **arguments)

        self.use(s3=SmallPages())

    def put(self, *names: str, body: bytes = b"one") -> list[str]:
        s3 = self.client("s3")
        answers = [s3.put_object(Bucket="images", Key=f"incoming/{name}", Body=body) for name in names]
        return [answer["ETag"].strip('"') for answer in answers]

    def claim(self, name: str, etag: str, **attributes: str | int) -> None:
        item = {
            key: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for key, value in attributes.items()
        }
        key = {"image_key": {"S": f"incoming/{name}"}, "etag": {"S": etag}}
        self.client("dynamodb").put_item(TableName="claims", Item=key | item)

    def item(self, name: str, etag: str) -> dict[str, str]:
        key = {"image_key": {"S": f"incoming/{name}"}, "etag": {"S": etag}}
        item = self.client("dynamodb").get_item(TableName="claims", Key=key).get("Item", {})
        return {name: next(iter(value.values())) for name, value in item.items() if name not in key}

    def sweep(self, *, minutes_later: float = 0, **event: Any) -> SweepResponse:
        self.now += timedelta(minutes=minutes_later)
        self.run = self.new_run()
        return self.run.sweep(event)  # type: ignore[arg-type]

    def new_run(self) -> Run:
        return Run(Rescue(self.clients, self.settings), self.settings, self.remaining_ms, self.now)

    def oldest_minutes(self) -> float:
        """Return what the last run said of the oldest image without an outcome."""
        assert self.run is not None
        return (self.now - (self.run.oldest or self.now)).total_seconds() / 60

    def indexed(self) -> list[str]:
        """Return the names of the images that the index has."""
        items = self.client("dynamodb").scan(TableName="claims", IndexName="by_state")["Items"]
        return sorted(item["image_key"]["S"].removeprefix("incoming/") for item in items)

    def messages(self, queue: str) -> list[dict[str, Any]]:
        answer = self.client("sqs").receive_message(
            QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0, MessageAttributeNames=["All"]
        )
        return list(answer.get("Messages", []))

    def alerts(self) -> list[dict[str, Any]]:
        return [json.loads(json.loads(message["Body"])["Message"]) for message in self.messages(self.mailbox)]


@functools.cache  # a client takes longer to make than most of these tests do; moto answers those of earlier tests too
def client(service: str) -> Any:
    return boto3.Session("testing", "testing", region_name=REGION).client(service)  # type: ignore[call-overload]


@contextmanager
def deployed() -> Iterator[Stack]:
    with mock_aws():
        s3, dynamodb, sqs, sns, ssm = map(client, ("s3", "dynamodb", "sqs", "sns", "ssm"))
        s3.create_bucket(Bucket="images", CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
        table = claims_table()
        names = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
        dynamodb.create_table(TableName="claims", **{name: table[name] for name in names})
        queue, mailbox = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("failed", "mailbox"))
        topic = sns.create_topic(Name="alert")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:mailbox")
        ssm.put_parameter(Name=SETTINGS["sweep"]["PAUSE_PARAMETER"], Value='{"paused": false}', Type="String")
        reset_cold_start_flag()  # type: ignore[no-untyped-call]
        own = {"WORKFLOW_ARN": WORKFLOW, "ALERT_TOPIC_ARN": topic, "FAILED_QUEUE_URL": queue}
        stepfunctions = FakeStepFunctions()
        app = load("sweep", SETTINGS["sweep"] | own)
        app.clients = Clients(s3, dynamodb, stepfunctions, sqs, sns, ssm)  # type: ignore[arg-type]
        yield Stack(app, stepfunctions, client, queue, mailbox)
