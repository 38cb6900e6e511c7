"""`scones redrive` on a queue, a table and a bucket of moto, with a workflow that ends images as their names say."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from scones.connection import Target, connect
from scones.pace import Pace
from scones.redrive import run as redrive_run
from scones.running_cloud import RunningCloud
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS, FakeWorkflow

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import Scones

ARN = f"arn:aws:states:{REGION}:123456789012:execution:triage:"


@dataclass
class Workflow:
    """Step Functions, the table and the queue: `dies-a` dies, `slow-a` never ends, others end by their prefix."""

    results: FakeWorkflow
    dynamodb: Any
    sqs: Any
    queue: str
    now: float = 0.0
    started: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, str] = field(default_factory=dict)
    most_running: int = 0
    interrupt_at: float | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    refuse: str | None = None

    def start_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: N803, A002
        event = json.loads(input)
        if self.refuse and self.refuse in input:
            raise ClientError({"Error": {"Code": "ExecutionLimitExceeded"}}, "StartExecution")
        self.started.append(event)
        arn = f"{ARN}{len(self.started)}-{event['detail']['object']['key']}"
        self.statuses[arn] = "RUNNING"
        self.most_running = max(self.most_running, list(self.statuses.values()).count("RUNNING"))
        return {"executionArn": arn}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        if executionArn not in self.statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, "DescribeExecution")
        return {"status": self.statuses[executionArn], "input": self.inputs.get(executionArn, "")}

    def round(self, seconds: float = 0) -> None:
        """Let time go on: whatever runs ends."""
        self.now += max(seconds, 1)
        if self.interrupt_at is not None and self.now >= self.interrupt_at:
            raise KeyboardInterrupt
        for arn in [arn for arn, status in self.statuses.items() if status == "RUNNING"]:
            key = arn.split("-", 3)[-1] if arn.startswith(ARN) else ""
            name = key.rsplit("/", 1)[-1]
            if name.startswith("slow"):
                continue
            if name.startswith("dies"):
                self.statuses[arn] = "FAILED"
                continue
            self.finish(arn, key)

    def finish(self, arn: str, key: str) -> None:
        name = key.rsplit("/", 1)[-1]
        outcome = next((one for one in ("review", "rejected", "failed") if name.startswith(one)), "passed")
        result = self.results.write(outcome, key, "e1")
        self.statuses[arn] = "SUCCEEDED"
        self.claim(
            key, "e1", execution=arn, finished_at=f"2026-11-21T{self.now}", outcome=outcome, result_key=result
        )

    def claim(self, key: str, etag: str, **attributes: Any) -> None:
        item = {
            name: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for name, value in attributes.items()
        }
        self.dynamodb.put_item(TableName="claims", Item={"image_key": {"S": key}, "etag": {"S": etag}} | item)

    def send(self, body: Any, times: int = 1) -> None:
        text = body if isinstance(body, str) else json.dumps(body)
        for _ in range(times):
            self.sqs.send_message(QueueUrl=self.queue, MessageBody=text)

    def left(self) -> list[str]:
        """The bodies of the messages that are visible."""
        found = []
        while messages := self.sqs.receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, VisibilityTimeout=1000
        ).get("Messages"):
            found += [message["Body"] for message in messages]
        return found

    @property
    def keys(self) -> list[str]:
        return [event["detail"]["object"]["key"].removeprefix("incoming/") for event in self.started]


def event(name: str) -> dict[str, Any]:
    one = {"key": f"incoming/{name}", "etag": "e1", "size": 3, "version-id": "v1"}
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": IMAGES}, "object": one}}


def ended(name: str, status: str = "FAILED") -> dict[str, Any]:
    detail = {"status": status, "executionArn": f"{ARN}old", "input": json.dumps(event(name))}
    return {"detail-type": "Step Functions Execution Status Change", "detail": detail}


@pytest.fixture
def workflow(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Workflow:
    dynamodb, sqs = boto3.client("dynamodb", region_name=REGION), boto3.client("sqs", region_name=REGION)
    queue = sqs.get_queue_url(QueueName="failed-images")["QueueUrl"]
    fake = Workflow(FakeWorkflow(s3), dynamodb, sqs, queue)
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: fake)
    monkeypatch.setattr(
        "scones.redrive.command.pace_for", lambda _connection: Pace(clock=lambda: fake.now, sleep=fake.round)
    )
    monkeypatch.setattr("scones.redrive.queue.WAIT_S", 0)
    return fake


@pytest.fixture
def redrive(scones: Scones) -> Callable[..., tuple[int, dict[str, Any]]]:
    def run(*arguments: str) -> tuple[int, dict[str, Any]]:
        result = scones("redrive", "--json", *arguments)
        assert result.exit_code in {0, 1, 130}, result.stderr
        return result.exit_code, json.loads(result.stdout)

    return run


type Redrive = Callable[..., tuple[int, dict[str, Any]]]


def failed_document(workflow: Workflow, name: str) -> str:
    """Leave an image as the workflow does when it cannot classify it."""
    key = f"incoming/{name}"
    result = workflow.results.write("failed", key, "e1", s3_request_id=None)
    old = {"finished_at": "2026-11-20", "outcome": "failed", "result_key": result}
    workflow.claim(key, "e1", execution=f"{ARN}old", **old)
    return result


def stored(s3: S3Client) -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=RESULTS).get("Contents", [])]


def test_nothing_had_failed(scones: Scones, workflow: Workflow) -> None:
    result = scones("redrive")
    assert (result.exit_code, result.stdout.strip()) == (0, "0 images: nothing had failed")


def test_images_of_both_places_are_started_once_and_brought_to_an_end(
    redrive: Redrive, workflow: Workflow, s3: S3Client
) -> None:
    workflow.send(ended("a.png"), times=3)
    workflow.send(event("a.png"))
    workflow.send(event("review-b.png"))
    old = [failed_document(workflow, name) for name in ("a.png", "rejected-c.png")]

    code, report = redrive()

    assert code == 0
    assert sorted(workflow.keys) == ["a.png", "rejected-c.png", "review-b.png"]
    assert all(one["redrive"] is True for one in workflow.started)
    assert report["counts"] == {"passed": 1, "review": 1, "rejected": 1}
    rows = {row["key"].removeprefix("incoming/"): row for row in report["images"]}
    assert rows["a.png"]["had_failed"] == "its execution FAILED"
    assert rows["rejected-c.png"]["had_failed"] == "EndpointNotFoundError"
    reviewed = rows["review-b.png"]
    assert (reviewed["outcome"], reviewed["reason"]) == (
        "review",
        "motorcycle at 0.61 is below the threshold of 0.8",
    )
    assert workflow.left() == []
    assert not set(old) & set(stored(s3)), "the failed documents are gone"
    assert report["complete"] is True


def test_the_table_says_what_had_failed_and_what_became_of_it(scones: Scones, workflow: Workflow) -> None:
    workflow.send(ended("rejected-a.png", "TIMED_OUT"))
    result = scones("redrive")
    assert result.exit_code == 0
    for part in ("incoming/rejected-a.png", "its execution TIMED_OUT", "rejected", "it is cut off"):
        assert part in result.stdout
    assert "1 image: 1 rejected" in result.stdout


def test_what_fails_again_is_said_and_what_died_again_stays_in_the_queue(
    redrive: Redrive, workflow: Workflow, s3: S3Client
) -> None:
    workflow.send(ended("failed-a.png"))
    workflow.send(ended("dies-b.png"))
    code, report = redrive()
    assert code == 1
    assert report["counts"] == {"failed": 1, "died again": 1}
    states = {row["key"].removeprefix("incoming/"): row for row in report["images"]}
    assert states["failed-a.png"]["reason"] == "EndpointNotFoundError"
    assert "ended FAILED without an outcome" in states["dies-b.png"]["reason"]
    assert [json.loads(body)["detail"]["status"] for body in workflow.left()] == ["FAILED"]
    assert "failed/failed-a.png/e1.json" in stored(s3), "its end is there to be seen"


def test_an_image_that_has_its_outcome_is_left_and_its_messages_go(
    redrive: Redrive, workflow: Workflow, s3: S3Client
) -> None:
    failed_document(workflow, "a.png")
    done = workflow.results.write("passed", "incoming/a.png", "e1")
    claim = {"finished_at": "2026-11-21", "outcome": "passed", "result_key": done}
    workflow.claim("incoming/a.png", "e1", execution=f"{ARN}other", **claim)
    workflow.send(ended("a.png"))
    code, report = redrive()
    assert (code, workflow.started, workflow.left()) == (0, [], [])
    (row,) = report["images"]
    assert (row["state"], row["outcome"]) == ("had its outcome already", "passed")
    assert stored(s3) == [done]


def test_an_image_that_an_execution_is_working_on_is_only_watched(
    redrive: Redrive, workflow: Workflow
) -> None:
    running = f"{ARN}0-incoming/a.png"
    workflow.statuses[running] = "RUNNING"
    workflow.claim("incoming/a.png", "e1", execution=running, claim_ends=9_999_999_999)
    workflow.send(ended("a.png"))
    code, report = redrive()
    assert (code, workflow.started) == (0, [])
    assert (report["images"][0]["state"], report["images"][0]["outcome"]) == ("ended", "passed")


@pytest.mark.parametrize(("claim_ends", "started"), [(1, 1), (9_999_999_999, 0)])
def test_an_express_owner_is_alive_until_its_claim_ends(
    redrive: Redrive, workflow: Workflow, claim_ends: int, started: int
) -> None:
    owner = ARN.replace(":execution:", ":express:") + "1"
    workflow.claim("incoming/a.png", "e1", execution=owner, claim_ends=claim_ends)
    workflow.send(ended("a.png"))
    code, _ = redrive("--timeout", "5")
    assert (code, len(workflow.started)) == (1 - started, started)
    assert len(workflow.left()) == 1 - started


def test_messages_that_nobody_can_read_stay_and_are_named(scones: Scones, workflow: Workflow) -> None:
    workflow.send("not json at all")
    workflow.send({"detail": {}})
    workflow.send(ended("a.png") | {"detail": {"executionArn": f"{ARN}unknown", "status": "FAILED"}})
    workflow.send(event("b.png"))
    result = scones("redrive")
    assert result.exit_code == 1
    assert "1 image: 1 passed" in result.stdout
    for reason in ("not JSON", "no image's event", "does not say its execution's input"):
        assert reason in result.stderr
    assert len(workflow.left()) == 3


def test_an_input_that_the_message_leaves_out_is_asked_for(redrive: Redrive, workflow: Workflow) -> None:
    message = ended("a.png")
    del message["detail"]["input"]
    workflow.statuses[f"{ARN}old"] = "FAILED"
    workflow.inputs[f"{ARN}old"] = json.dumps(event("a.png"))
    workflow.send(message)
    assert redrive()[0] == 0
    assert workflow.keys == ["a.png"]


def test_a_dry_run_changes_nothing(redrive: Redrive, workflow: Workflow, s3: S3Client) -> None:
    workflow.send(ended("a.png"))
    workflow.send(event("b.png"))
    old = failed_document(workflow, "c.png")
    code, report = redrive("--dry-run")
    assert (code, workflow.started) == (0, [])
    assert report["counts"] == {"would start": 3}
    assert len(workflow.left()) == 2
    assert stored(s3) == [old]


def test_a_limit_leaves_the_rest_for_another_time(redrive: Redrive, workflow: Workflow) -> None:
    workflow.claim(
        "incoming/0.png", "e1", execution="x", finished_at="t", outcome="passed", result_key="passed/0"
    )
    for number in range(6):
        workflow.send(event(f"{number}.png"))
    code, report = redrive("--limit", "2")
    assert (code, len(workflow.started), report["complete"]) == (0, 2, False)
    assert len(workflow.left()) == 3, "the two and the one that had its outcome are gone"


def test_many_are_under_way_a_few_at_a_time(
    redrive: Redrive, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive_run, "AT_ONCE", 5)
    for number in range(40):
        workflow.send(event(f"{number}.png"), times=2)
    code, report = redrive()
    assert (code, report["counts"]) == (0, {"passed": 40})
    assert len(workflow.started) == 40
    assert workflow.most_running < 5 + 10, "a batch of ten beyond the bound at most"
    assert workflow.left() == []


def test_nothing_more_is_started_once_something_does_not_end(
    redrive: Redrive, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redrive_run, "AT_ONCE", 2)
    for number in range(30):
        workflow.send(event(f"slow-{number}.png"))
    code, report = redrive("--timeout", "20")
    assert (code, report["complete"]) == (1, False)
    assert len(workflow.started) == report["counts"]["not ended yet"] <= 10
    assert len(workflow.left()) == 30


def test_ctrl_c_loses_nothing(scones: Scones, workflow: Workflow) -> None:
    workflow.send(event("slow-a.png"))
    workflow.send(event("b.png"))
    workflow.interrupt_at = 6
    result = scones("redrive")
    assert result.exit_code == 130
    assert "1 execution continues" in result.stderr
    assert "1 passed" in result.stdout
    assert ["slow-a" in body for body in workflow.left()] == [True]


@pytest.mark.parametrize(
    "how", [KeyboardInterrupt(), EndpointConnectionError(endpoint_url="http://127.0.0.1:9/x")]
)
def test_a_local_cloud_that_died_is_not_promised_to_continue(
    scones: Scones, workflow: Workflow, monkeypatch: pytest.MonkeyPatch, how: BaseException
) -> None:
    workflow.send(event("slow-a.png"))
    running: list[RunningCloud | None] = [
        RunningCloud("http://127.0.0.1:9", "us-east-1", "scones", 1, ready=True)
    ]

    def die(_seconds: float) -> NoReturn:
        running[0] = None
        raise how

    deployed = connect(Target("scones", None, REGION))
    monkeypatch.setattr("scones.redrive.command.connect", lambda _target: deployed)
    monkeypatch.setattr("scones.connection.read_cloud", lambda: running[0])
    monkeypatch.setattr(workflow, "round", die)
    result = scones("redrive", stack=None)
    assert result.exit_code in {2, 130}
    assert "executions and messages are gone with the local cloud" in result.stderr
    assert "continue" not in result.stderr


def test_one_that_cannot_be_started_does_not_stop_the_others(redrive: Redrive, workflow: Workflow) -> None:
    workflow.refuse = "a.png"
    workflow.send(event("a.png"))
    workflow.send(event("b.png"))
    code, report = redrive()
    assert (code, report["counts"]) == (1, {"passed": 1, "not started": 1})
    assert ["a.png" in body for body in workflow.left()] == [True]


def test_messages_are_hidden_for_as_long_as_their_images_take(
    redrive: Redrive, workflow: Workflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = []
    original = type(workflow.sqs)._make_api_call

    def spy(client: Any, operation: str, request: Any) -> Any:
        if operation == "ChangeMessageVisibilityBatch":
            renewed.append([entry["VisibilityTimeout"] for entry in request["Entries"]])
        return original(client, operation, request)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", spy)
    workflow.send(event("slow-a.png"))
    redrive("--timeout", "130")
    assert renewed[-1] == [0]
    assert renewed[:-1] == [[120]] * (len(renewed) - 1)
    assert len(renewed) - 1 >= 3
