"""Draining: every held image is started, about the oldest first, no faster than asked, whatever fails meanwhile."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
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

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: N803, A002
        assert stateMachineArn == SETTINGS["breaker"]["WORKFLOW_ARN"]
        if left := self.errors.get(input):
            raise client_error(left.pop(0))
        self.started.append(json.loads(input))
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
        self.settings = replace(Settings.from_environment(SETTINGS["breaker"]), held_images_url=self.url)

    def receive_message(self, **arguments: Any) -> Any:
        return self.sqs.receive_message(**arguments | {"WaitTimeSeconds": 0})

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sqs, name)

    def put(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body)

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


def test_a_message_that_is_not_an_event_stays_and_keeps_no_other_from_its_start(held: Held) -> None:
    held.stepfunctions.errors = {"nonsense": ["InvalidExecutionInput"] * 9}
    held.put("nonsense", *images(25))
    with pytest.raises(DrainFailedError, match="25 held images were started"):
        held.drain()
    assert (len(held.stepfunctions.started), held.left()) == (25, 1)


def test_while_paused_nothing_is_started_and_afterwards_all_is() -> None:
    with mock_aws():
        held = Held()
        app = load("breaker", SETTINGS["breaker"])
        app.drain = Drain(held, held.stepfunctions, held.settings)  # type: ignore[arg-type]
        app.ssm = boto3.client("ssm", region_name=REGION)
        events = boto3.client("events", region_name=REGION)
        app.rules = replace(app.rules, events=events)
        for name, state in (("scones-ImageDropped", "ENABLED"), ("scones-ImageHeld", "DISABLED")):
            events.put_rule(Name=name, EventPattern="{}", State=state)  # type: ignore[arg-type]
        held.put(*images(5))

        def run(paused: bool) -> Any:
            app.ssm.put_parameter(
                Name="Pause-scones", Value=json.dumps({"paused": paused}), Type="String", Overwrite=True
            )
            return app.handler({}, FakeLambdaContext())

        assert run(True) == {"paused": True, "switched": "+scones-ImageHeld", "started": 0}
        assert run(True) == {"paused": True, "switched": "-scones-ImageDropped", "started": 0}
        assert run(False) == {"paused": False, "switched": "+scones-ImageDropped", "started": 5}
        assert run(False) == {"paused": False, "switched": "-scones-ImageHeld", "started": 0}


def test_without_its_parameter_nothing_is_switched_or_started() -> None:
    with mock_aws():
        app = load("breaker", SETTINGS["breaker"])
        with pytest.raises(ClientError, match="ParameterNotFound"):
            app.handler({}, FakeLambdaContext())


@pytest.mark.parametrize("rate", ["", "0", "101", "-1", "1.5", "many"])
def test_settings_name_all_that_is_wrong(rate: str) -> None:
    with pytest.raises(ValueError, match=r"HOLD_RULE is missing; DRAIN_PER_SECOND .* from 1 to 100"):
        Settings.from_environment(SETTINGS["breaker"] | {"DRAIN_PER_SECOND": rate, "HOLD_RULE": ""})
