"""`scones pause` and `scones resume`: what they switch, in which order, what they write and whom they tell."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from breaker.pause_state import parse_pause as parse_as_breaker
from scones.pause import OVERLAP_S
from scones.pause_state import parse_pause
from tests.fakes.command_contract import check_output
from tests.unit.scones.fake_stack import IMAGES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeCloudFormation, FakeWorkflow, MakeImages, Scones

REGION = "us-east-1"
PARAMETER, UPLOADS, HOLDS = "Pause-scones", "scones-ImageDropped", "scones-ImageHeld"


class Stack:
    """What a pause changes, in moto; `done` has the switches and the waits in their order."""

    def __init__(self, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ssm = boto3.client("ssm", region_name=REGION)
        self.events = boto3.client("events", region_name=REGION)
        self.sqs = boto3.client("sqs", region_name=REGION)
        self.sns = boto3.client("sns", region_name=REGION)
        self.write('{"paused": false}')
        self.events.put_rule(Name=UPLOADS, EventPattern="{}", State="ENABLED")
        self.events.put_rule(Name=HOLDS, EventPattern="{}", State="DISABLED")
        self.queue = self.sqs.create_queue(QueueName="held")["QueueUrl"]
        self.mailbox = self.sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        topic = self.sns.create_topic(Name="alert")["TopicArn"]
        self.sns.subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:mailbox"
        )
        cloudformation.outputs |= {
            "AlertTopicArn": topic,
            "PauseParameterName": PARAMETER,
            "UploadRuleName": UPLOADS,
            "HoldRuleName": HOLDS,
            "HeldImagesQueueUrl": self.queue,
        }
        self.done: list[Any] = []
        monkeypatch.setattr(
            "scones.pause.time.sleep", lambda seconds: self.done.append((seconds, *self.rules()))
        )

    def write(self, text: str) -> None:
        self.ssm.put_parameter(Name=PARAMETER, Value=text, Type="String", Overwrite=True)

    def state(self) -> dict[str, Any]:
        return dict(json.loads(self.ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]))

    def rules(self) -> tuple[bool, bool]:
        """Return whether uploads start, and whether they are held."""
        starts, holds = (self.events.describe_rule(Name=name)["State"] for name in (UPLOADS, HOLDS))
        return starts == "ENABLED", holds == "ENABLED"

    def mail(self) -> list[dict[str, Any]]:
        found = self.sqs.receive_message(QueueUrl=self.mailbox, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]


@pytest.fixture
def stack(s3: S3Client, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> Stack:
    return Stack(cloudformation, monkeypatch)


def test_uploads_are_held_before_they_stop_starting_and_people_are_told(scones: Scones, stack: Stack) -> None:
    result = scones("pause", "--reason", "another  model")

    assert result.exit_code == 0, result.stderr
    assert "another model (0 images held)" in result.stdout
    assert stack.done == [(OVERLAP_S, True, True)]  # both take uploads, until the change has taken effect
    assert stack.rules() == (False, True)
    state = stack.state()
    assert (state["paused"], state["reason"], state["by"].startswith("arn:")) == (True, "another model", True)
    (mail,) = stack.mail()
    assert mail["reason"] == "The stack scones was paused: another model"
    assert "scones resume --stack scones" in mail["next_step"]


def test_resuming_is_the_reverse(scones: Scones, stack: Stack) -> None:
    scones("pause", "--reason", "x")
    stack.done.clear()
    stack.mail()
    stack.sqs.send_message(QueueUrl=stack.queue, MessageBody="{}")

    result = scones("resume")

    assert result.stdout == "not paused (1 image left to start)\n"
    assert stack.done == [(OVERLAP_S, True, True)]
    assert stack.rules() == (True, False)
    assert stack.state()["paused"] is False
    assert [mail["reason"] for mail in stack.mail()] == ["The stack scones was resumed."]


def test_pausing_twice_changes_the_reason_and_neither_the_time_nor_tells_anybody(
    scones: Scones, stack: Stack
) -> None:
    scones("pause", "--reason", "one")
    since = stack.state()["at"]
    stack.mail()
    scones("pause", "--reason", "two")
    assert (stack.state()["reason"], stack.state()["at"]) == ("two", since)
    assert (stack.mail(), len(stack.done)) == ([], 1)


def test_resuming_what_is_not_paused_puts_the_rules_in_order(scones: Scones, stack: Stack) -> None:
    stack.events.enable_rule(Name=HOLDS)
    assert scones("resume").exit_code == 0
    assert (stack.rules(), stack.mail(), stack.done) == ((True, False), [], [])


def test_a_state_that_cannot_be_read_is_written_anew(scones: Scones, stack: Stack) -> None:
    stack.write("nonsense")
    assert "unknown: parameter Pause-scones is not JSON" in scones("status").stdout
    assert scones("resume").exit_code == 0
    assert stack.state()["paused"] is False


def test_status_says_since_when_by_whom_why_and_how_many(scones: Scones, stack: Stack) -> None:
    assert "Pause" not in scones("status").stdout
    scones("pause", "--reason", "[b]bold[/b]")
    stack.sqs.send_message(QueueUrl=stack.queue, MessageBody="{}")
    first = scones("status").stdout.splitlines()[0]
    assert first.startswith("Pause: paused since 20")
    printed = scones("status", "--json").stdout
    check_output("status", printed)
    assert json.loads(printed)["pause"]["held"] == 1


@pytest.mark.parametrize("arguments", [("pause", "--reason", "x"), ("resume",)])
def test_both_print_one_document(scones: Scones, stack: Stack, arguments: tuple[str, ...]) -> None:
    result = scones(*arguments, "--json")
    check_output(arguments[0], result.stdout)
    assert json.loads(result.stdout)["paused"] is (arguments[0] == "pause")


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_asked_for(scones: Scones, stack: Stack, reason: str) -> None:
    result = scones("pause", "--reason", reason)
    assert (result.exit_code, "1 to 500 characters" in result.stderr) == (2, True)
    assert stack.rules() == (True, False)


def test_a_stack_from_before_is_named(scones: Scones, s3: S3Client) -> None:
    result = scones("pause", "--reason", "x")
    assert (result.exit_code, "it is older than this command" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", '{"paused": 1}', '{"paused": true, "at": "today"}', '{"paused": true, "at": 5}',
     '{"paused": true}', '{"paused": false, "at": null}', '{"paused": true, "at": "2026-11-27T18:00:00+00:00"}'],
)  # fmt: skip
def test_the_command_reads_a_state_as_the_breaker_does(text: str) -> None:
    def read(parse: Any) -> bool | None:
        try:
            return bool(parse(text).paused)
        except ValueError:
            return None

    assert read(parse_pause) == read(parse_as_breaker)


def test_an_image_that_waits_to_be_started_says_that_the_stack_is_paused(
    scones: Scones, stack: Stack, s3: S3Client
) -> None:
    s3.put_object(Bucket=IMAGES, Key="incoming/held.jpg", Body=b"held")
    assert "the stack is paused" not in scones("why", "held.jpg").stdout
    scones("pause", "--reason", "another model")
    printed = scones("why", "held.jpg", "--json").stdout
    check_output("why", printed)
    following = json.loads(printed)["images"][0]["next"]
    assert following["step"] == "paused"
    assert "another model; held images start when the pause ends" in following["text"]


def test_a_state_that_may_not_be_read_leaves_what_comes_next_otherwise(
    scones: Scones, stack: Stack, s3: S3Client
) -> None:
    s3.put_object(Bucket=IMAGES, Key="incoming/held.jpg", Body=b"held")
    stack.ssm.delete_parameter(Name=PARAMETER)
    assert "its event is on its way" in scones("why", "held.jpg").stdout


def test_a_drop_says_that_the_stack_is_paused(
    scones: Scones, stack: Stack, images: MakeImages, workflow: FakeWorkflow
) -> None:
    scones("pause", "--reason", "another model")
    images("one.png")
    workflow.lose = "one.png"
    result = scones("drop", "photos", "--timeout", "30")
    assert result.exit_code == 1
    assert "the stack is paused" in result.stderr
    assert "another model; held images start when the pause ends" in " ".join(result.stderr.split())
