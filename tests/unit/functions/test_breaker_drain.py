"""Draining: every held image is started, about the oldest first, no faster than asked, whatever fails meanwhile."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from breaker.drain import TIME_TO_STOP_MS, Drain, DrainFailedError
from breaker.settings import Settings
from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.unit.functions.environment import SETTINGS, load

REGION = "eu-west-1"


@dataclass
class FakeStepFunctions:
    """Executions by input; `errors` are raised once for each start, in order."""

    started: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[str, list[str]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    execution: dict[str, Any] = field(default_factory=lambda: {"status": "RUNNING"})

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return self.execution

    def start_execution(
        self,
        *,
        stateMachineArn: str,  # noqa: N803
        input: str,  # noqa: A002
        name: str = "",
    ) -> dict[str, Any]:
        assert stateMachineArn == SETTINGS["breaker"]["WORKFLOW_ARN"]
        if left := self.errors.get(input):
            raise client_error(left.pop(0))
        self.started.append(json.loads(input))
        self.names.append(name)
        return {"executionArn": "one"}


@dataclass
class Minute:
    """The clock of one run: a minute long, and moved by sleeping alone."""

    now: float = 0.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds

    def remaining_ms(self) -> int:
        return int((60 - self.now) * 1000)


class Held:
    """A queue of held images, whose receives do not wait."""

    def __init__(self) -> None:
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.url = self.sqs.create_queue(QueueName="held")["QueueUrl"]
        self.stepfunctions = FakeStepFunctions()
        self.aside = self.sqs.create_queue(QueueName="failed")["QueueUrl"]
        self.settings = replace(
            Settings.from_environment(SETTINGS["breaker"]),
            held_images_url=self.url,
            failed_images_url=self.aside,
        )

    def receive_message(self, **arguments: Any) -> Any:
        return self.sqs.receive_message(**arguments | {"WaitTimeSeconds": 0})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqs, name)

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

    def set_aside(self) -> list[Any]:
        return self.sqs.receive_message(QueueUrl=self.aside, MessageAttributeNames=["All"]).get(
            "Messages", []
        )

    def left(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)  # type: ignore[arg-type]
        return sum(map(int, found["Attributes"].values()))

    def drain(self, minute: Minute | None = None) -> int:
        minute = minute or Minute()
        drain = Drain(self, self.stepfunctions, self.settings)  # type: ignore[arg-type]
        return drain.run(minute.remaining_ms, minute.clock, minute.sleep)


@pytest.fixture
def held() -> Iterator[Held]:
    with mock_aws():
        yield Held()


def images(number: int) -> list[str]:
    return [json.dumps({"detail": {"object": {"key": f"incoming/{one}.jpg"}}}) for one in range(number)]


def test_every_held_image_is_started_with_its_event_and_leaves_the_queue(held: Held) -> None:
    held.put(*images(23))
    assert held.drain() == 23
    assert sorted(map(json.dumps, held.stepfunctions.started)) == sorted(images(23))
    assert held.left() == 0


@pytest.mark.parametrize("rate", [1, 3, 10, 20])
def test_a_run_starts_no_more_than_its_rate(held: Held, rate: int) -> None:
    held.settings = replace(held.settings, drain_per_second=rate)
    held.put(*images(30))
    minute = Minute()
    assert held.drain(minute) == 30
    assert minute.now >= (30 - rate) / rate  # the last batch is followed by nothing


def test_a_run_ends_in_time_and_leaves_the_rest_to_the_next(held: Held) -> None:
    held.settings = replace(held.settings, drain_per_second=1)
    held.put(*images(60))
    minute = Minute()
    started = held.drain(minute)
    assert 50 <= started <= 53
    assert minute.remaining_ms() >= TIME_TO_STOP_MS - 1000
    assert held.left() == 60 - started


def test_a_refused_start_ends_the_run_and_its_message_stays(held: Held) -> None:
    held.stepfunctions.errors = {image: ["ExecutionLimitExceeded"] for image in images(1)}
    held.put(*images(25))
    with pytest.raises(DrainFailedError, match=r"9 held images were started; then: .*ExecutionLimitExceeded"):
        held.drain()
    assert held.left() == 16


def test_a_message_that_is_no_event_is_set_aside_with_its_reason_and_keeps_no_other_from_its_start(
    held: Held,
) -> None:
    held.stepfunctions.errors = {"nonsense": ["InvalidExecutionInput"]}
    held.put("nonsense", *images(25))
    assert held.drain() == 25
    assert (len(held.stepfunctions.started), held.left()) == (25, 0)
    (aside,) = held.set_aside()
    assert aside["Body"] == "nonsense"
    assert "InvalidExecutionInput" in aside["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert held.drain() == 0  # the next run does not fail


def test_one_image_is_started_as_a_probe_under_a_name_that_says_so(held: Held) -> None:
    probe = Drain(held, held.stepfunctions, held.settings).probe  # type: ignore[arg-type]
    assert probe() is None
    held.stepfunctions.errors = {"nonsense": ["InvalidExecutionInput"]}
    held.put("nonsense")
    assert probe() is None
    assert len(held.set_aside()) == 1
    held.put(*images(3))
    assert probe() == "one"
    assert (len(held.stepfunctions.started), held.left()) == (1, 2)
    assert held.stepfunctions.names[0].startswith("probe-")


class Stack:
    """The handler with a parameter, two rules, a queue, a topic that a queue listens to, and metrics."""

    def __init__(self) -> None:
        self.held = Held()
        self.app = app = load("breaker", SETTINGS["breaker"])
        self.sns = boto3.client("sns", region_name=REGION)
        self.cloudwatch = boto3.client("cloudwatch", region_name=REGION)
        topic = self.sns.create_topic(Name="alerts")["TopicArn"]
        self.inbox = self.held.sqs.create_queue(QueueName="inbox")["QueueUrl"]
        self.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:inbox"
        )
        app.settings = replace(self.held.settings, alert_topic_arn=topic)
        app.drain = Drain(self.held, self.held.stepfunctions, app.settings)  # type: ignore[arg-type]
        app.sns = self.sns
        app.endpoint = replace(
            app.endpoint, cloudwatch=self.cloudwatch, stepfunctions=self.held.stepfunctions
        )
        self.ssm = boto3.client("ssm", region_name=REGION)
        app.parameter = replace(app.parameter, ssm=self.ssm)
        events = boto3.client("events", region_name=REGION)
        app.rules = replace(app.rules, events=events)
        for name, state in (("scones-ImageDropped", "ENABLED"), ("scones-ImageHeld", "DISABLED")):
            events.put_rule(Name=name, EventPattern="{}", State=state)  # type: ignore[arg-type]
        self.pause({"paused": False})

    def pause(self, state: dict[str, Any]) -> None:
        self.ssm.put_parameter(Name="Pause-scones", Value=json.dumps(state), Type="String", Overwrite=True)

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.ssm.get_parameter(Name="Pause-scones")["Parameter"]["Value"]))

    def failures(self, count: int) -> None:
        self.cloudwatch.put_metric_data(
            Namespace="Scones/scones",
            MetricData=[
                {
                    "MetricName": "EndpointErrors",
                    "Dimensions": [{"Name": "service", "Value": "classify"}],
                    "Values": [1.0],
                    "Counts": [count],
                    "Timestamp": datetime.now(UTC) - timedelta(minutes=1),
                }
            ],
        )

    def run(self) -> Any:
        return self.app.handler({}, FakeLambdaContext())

    def told(self) -> list[str]:
        found = self.held.sqs.receive_message(QueueUrl=self.inbox, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"])["reason"] for message in found]


@pytest.fixture
def stack() -> Iterator[Stack]:
    with mock_aws():
        yield Stack()


def test_while_paused_nothing_is_started_and_afterwards_all_is(stack: Stack) -> None:
    stack.held.put(*images(5))
    stack.failures(99)  # a person's pause is left alone
    stack.pause({"paused": True})
    assert stack.run() == {"paused": True, "switched": "+scones-ImageHeld", "started": 0}
    assert stack.run() == {"paused": True, "switched": "-scones-ImageDropped", "started": 0}
    stack.pause({"paused": False, "at": datetime.now(UTC).isoformat()})
    assert stack.run() == {"paused": False, "switched": "+scones-ImageDropped", "started": 5}
    stack.pause({"paused": False, "at": (datetime.now(UTC) - timedelta(seconds=40)).isoformat()})
    assert stack.run() == {"paused": False, "switched": "-scones-ImageHeld", "started": 0}
    assert stack.told() == []


def test_an_endpoint_that_fails_holds_new_images_until_a_probe_is_answered(stack: Stack) -> None:
    stack.held.put(*images(5))
    stack.failures(20)
    assert stack.run() == {"paused": True, "switched": "+scones-ImageHeld", "started": 0}
    (told,) = stack.told()
    assert told.startswith(
        "The breaker of the stack scones has opened: 20 of 20 calls of the endpoint failed within 5"
    )
    assert stack.state()["by"] == "the breaker"
    assert stack.run()["started"] == 0  # no probe is due yet
    assert stack.held.stepfunctions.started == []

    def probe_now() -> None:
        state = stack.state()
        state["breaker"]["next_probe"] = datetime.now(UTC).isoformat()
        stack.pause(state)
        assert stack.run()["started"] == 0

    probe_now()
    assert len(stack.held.stepfunctions.started) == 1
    stack.held.stepfunctions.execution = {"status": "SUCCEEDED", "output": '{"outcome": "parked"}'}
    assert stack.run()["paused"]
    assert stack.state()["breaker"]["failed_probes"] == 1

    probe_now()
    stack.held.stepfunctions.execution = {"status": "SUCCEEDED", "output": '{"outcome": "passed"}'}
    assert stack.run()["started"] == 3
    assert (len(stack.held.stepfunctions.started), stack.held.left()) == (5, 0)
    assert stack.told() == ["The breaker of the stack scones has closed: held images are started again."]
    assert not stack.run()["paused"]  # the failures of before do not open it again


def test_where_the_calls_cannot_be_read_held_images_are_started_all_the_same_and_the_run_fails(
    stack: Stack,
) -> None:
    stack.held.put(*images(5))

    class Denied:
        def get_metric_statistics(self, **_: Any) -> Any:
            raise client_error("AccessDenied")

    stack.app.endpoint = replace(stack.app.endpoint, cloudwatch=Denied())
    with pytest.raises(ClientError, match="AccessDenied"):
        stack.run()
    assert len(stack.held.stepfunctions.started) == 5


def test_without_its_parameter_nothing_is_switched_or_started(stack: Stack) -> None:
    stack.ssm.delete_parameter(Name="Pause-scones")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        stack.run()


@pytest.mark.parametrize("rate", ["", "0", "101", "-1", "1.5", "many"])
def test_settings_name_all_that_is_wrong(rate: str) -> None:
    bad = {"DRAIN_PER_SECOND": rate, "HOLD_RULE": "", "BREAKER_SHARE": "1.1"}
    told = r"HOLD_RULE is missing; DRAIN_PER_SECOND .* from 1 to 100.*; BREAKER_SHARE must be a number from 0 to 1"
    with pytest.raises(ValueError, match=told):
        Settings.from_environment(SETTINGS["breaker"] | bad)
