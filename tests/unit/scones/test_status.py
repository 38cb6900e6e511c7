"""`scones status`: counts per outcome and label, executions, and the queue of failed images."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from scones import status as module
from scones.index import shard_of, time_text
from scones.status import count_executions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones


def test_counts_for_machines(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    for number in range(3):
        workflow.write("passed", f"incoming/d/{number}.png", "e")
    workflow.write("passed", "incoming/d/m.png", "e", label="motorcycle")
    workflow.write("passed", "incoming/d/old.png", "e", label="tandem")
    workflow.write("review", "incoming/d/r.png", "e", started_at=time_text(datetime.now(UTC)))
    workflow.write("failed", "incoming/d/f.png", "e")
    queue = boto3.client("sqs", region_name="us-east-1")
    for _ in range(2):
        queue.send_message(
            QueueUrl=queue.get_queue_url(QueueName="failed-images")["QueueUrl"], MessageBody="x"
        )
    queue.receive_message(
        QueueUrl=queue.get_queue_url(QueueName="failed-images")["QueueUrl"],
        MaxNumberOfMessages=1,
        VisibilityTimeout=600,
    )
    result = scones("status", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document.pop("oldest_waiting_for_a_person")["key"] == "incoming/d/r.png"
    assert document == {
        "stack": "scones",
        "outcomes": {"passed": 5, "review": 1, "reviewed": 0, "rejected": 0, "failed": 1},
        "recent": {
            period: {"passed": 5, "review": 1, "reviewed": 0, "rejected": 0, "failed": 1}
            for period in ("hour", "day", "week")
        },
        "labels": {"bicycle": 3, "motorcycle": 1, "tandem": 1},
        "executions": {"running": 0, "failed": 0, "timed_out": 0, "aborted": 0},
        "at_least": [],
        "failed_images_queue": {"visible": 1, "in_flight": 1},
        "oldest_without_outcome": None,
        "waiting_for_endpoint": None,
        "alarms": [],
        "audited_precision": None,
        "watch": None,
        "not_in_the_index": 0,
        "pause": None,
        "endpoint": "the-endpoint",
        "certificate_end": None,
        "threshold": 0.8,
        "thresholds": {"bicycle": 0.8, "motorcycle": 0.8},
        "deployed_threshold": 0.8,
        "deployed_thresholds": {"bicycle": 0.8, "motorcycle": 0.8},
    }


def test_a_certificate_that_ends_soon_is_said_with_the_command_that_renews_it(
    scones: Scones, s3: S3Client
) -> None:
    now = datetime.now(UTC)
    certificate = {
        "model_version": "v1",
        "labels": ["bicycle", "motorcycle"],
        "serialize": "s1-32",
        "until": time_text(now + timedelta(hours=30)),
    }
    live = json.dumps({"thresholds": {"default": 0.9}, "certificate": certificate})
    name = json.loads(scones("threshold", "--json").stdout)["parameter"]
    boto3.client("ssm", region_name="us-east-1").put_parameter(
        Name=name, Value=live, Type="String", Overwrite=True
    )
    end = json.loads(scones("status", "--json").stdout)["certificate_end"]
    assert end.startswith("the certificate ends in 30 h, at ")
    assert f"{end}. Do: `scones certify --apply`" in scones("status").stdout


def test_counts_for_people(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    workflow.write("passed", "incoming/d/1.png", "e")
    result = scones("status")
    assert result.exit_code == 0
    for part in ("passed", "bicycle", "0 timed out", "0 visible, 0 in flight", "the-endpoint, threshold 0.8"):
        assert part in result.stdout


def test_recent_results_are_counted_apart(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    ages = {"now": 0, "hours": 5, "days": 3, "weeks": 20}
    for name, age in ages.items():
        days = age / 24 if name == "hours" else age
        finished_at = time_text(datetime.now(UTC) - timedelta(days=days))
        workflow.write(
            "review", f"incoming/d/{name}.png", "e", started_at=finished_at, finished_at=finished_at
        )
    document = json.loads(scones("status", "--json").stdout)
    found = {period: counts["review"] for period, counts in document["recent"].items()}
    assert (found, document["outcomes"]["review"]) == ({"hour": 1, "day": 2, "week": 3}, 4)
    assert [line.split() for line in scones("status").stdout.splitlines() if line.startswith("review ")] == [
        ["review", "4", "1", "2", "3"]
    ]


JUST_NOW, A_MINUTE_AGO = timedelta(seconds=3), timedelta(minutes=1)


@pytest.mark.parametrize("decided", [JUST_NOW, A_MINUTE_AGO])
@pytest.mark.parametrize(
    ("outcome", "state", "is_audit", "counted_as"),
    [
        ("review", "record", False, "review"),
        ("reviewed", None, False, "reviewed"),
        ("reviewed", None, True, "reviewed"),
        ("passed", "record", True, "passed"),
        ("passed", None, True, "passed"),
        ("passed", None, False, "passed"),
    ],
)
def test_an_image_that_was_decided_is_counted_once(
    scones: Scones,
    workflow: FakeWorkflow,
    outcome: str,
    state: str | None,
    counted_as: str,
    *,
    is_audit: bool,
    decided: timedelta,
) -> None:
    at = time_text(datetime.now(UTC) - decided)
    workflow.write(outcome, "incoming/a.png", "e", started_at=at, label="bicycle")
    shard = shard_of("incoming/a.png", "e")
    said = {
        "outcome": {"S": "passed" if is_audit or outcome == "passed" else "review"},
        "label": {"S": "bicycle"},
    }
    decision = {"id": {"S": "1" * 32}, "label": {"S": "bicycle"}, "by": {"S": "me"}, "at": {"S": at}}
    more: dict[str, Any] = {
        "decision": {"S": "1" * 32},
        "decisions": {"L": [{"M": decision | {"took_ms": {"N": "9"}, "model_said": {"M": said}}}]},
    }
    more |= {"draw": {"N": "0.1"}} if is_audit else {}
    more |= {"state_shard": {"S": f"{state}#{shard}"}, "state_since": {"S": at}} if state else {}
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    (item,) = dynamodb.scan(TableName="claims")["Items"]
    dynamodb.put_item(TableName="claims", Item=item | more)
    waited = is_audit or outcome != "passed"
    expected = "review" if waited and decided == JUST_NOW else counted_as
    document = json.loads(scones("status", "--json").stdout)
    assert {name: number for name, number in document["outcomes"].items() if number} == {expected: 1}
    assert {name: number for name, number in document["recent"]["hour"].items() if number} == {expected: 1}


def test_three_failures_have_three_names(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    lines = scones("status").stdout.splitlines()
    (outcome,) = [line for line in lines if line.startswith("failed")]
    assert outcome.split()[1:] == ["0"] * 4
    assert any(line.startswith("executions that died") for line in lines)
    assert any(line.startswith("queue of failed images") for line in lines)


def test_the_oldest_image_without_an_outcome_is_named(scones: Scones, s3: S3Client) -> None:
    dynamodb, now = boto3.client("dynamodb", region_name="us-east-1"), datetime.now(UTC)
    for shard, name, hours in ((3, "young", 1), (11, "oldest", 30), (11, "old", 2)):
        item = {
            "image_key": f"incoming/{name}.png",
            "etag": "e",
            "state_shard": f"open#{shard}",
            "state_since": (now - timedelta(hours=hours)).isoformat(),
        }
        dynamodb.put_item(TableName="claims", Item={key: {"S": value} for key, value in item.items()})
    oldest = json.loads(scones("status", "--json").stdout)["oldest_without_outcome"]
    assert oldest["key"] == "incoming/oldest.png"
    assert "30 h: incoming/oldest.png" in scones("status").stdout


def test_alarms_of_this_stack_alone_are_named(scones: Scones, s3: S3Client) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name="us-east-1")
    for name in (
        "scones-Monitoring-1A-SweepFails-2B",
        "scones-Monitoring-1A-Quiet-3C",
        "scones-prod-Monitoring-9-X",
    ):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="M",
            Namespace="N",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
        state: Literal["OK", "ALARM"] = "OK" if "Quiet" in name else "ALARM"
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="test")
    assert json.loads(scones("status", "--json").stdout)["alarms"] == ["scones-Monitoring-1A-SweepFails-2B"]
    assert "scones-Monitoring-1A-SweepFails-2B" in scones("status").stdout


def test_watch_shows_it_again_until_ctrl_c(
    scones: Scones, s3: S3Client, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def next_look(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt
        workflow.write("review", f"incoming/d/{len(pauses)}.png", "e")

    monkeypatch.setattr(module, "pause", next_look)
    result = scones("status", "--watch")
    assert result.exit_code == 130
    reviews = [line.split()[1] for line in result.stdout.splitlines() if line.startswith("review ")]
    assert reviews == ["0", "1", "2"]
    assert scones("status", "--watch", "--json").exit_code == 2


@pytest.mark.parametrize("width", [60, 80])
def test_a_narrow_terminal_shows_every_count(
    scones: Scones, s3: S3Client, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = scones("status").stdout.splitlines()
    assert all(len(line.rstrip()) <= width for line in lines)
    assert lines[0].split() == ["outcome", "images", "last", "hour", "last", "day", "last", "week"]


class Pages:
    """Step Functions with pages of ten running executions, as many as wanted, and none of other states."""

    def __init__(self, pages: int) -> None:
        self.pages = pages
        self.asked = 0

    def get_paginator(self, _name: str) -> Pages:
        return self

    def paginate(self, *, stateMachineArn: str, statusFilter: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert stateMachineArn == "arn"
        for _ in range(self.pages if statusFilter == "RUNNING" else 1):
            self.asked += 1
            yield {"executions": [{}] * (10 if statusFilter == "RUNNING" else 0)}


def test_counting_stops_at_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_EXECUTIONS", 30)
    counts = count_executions(cast("SFNClient", Pages(500)), "arn")
    assert counts is not None
    assert (str(counts["running"]), str(counts["aborted"])) == ("30+", "0")
    counts = count_executions(cast("SFNClient", Pages(3)), "arn")
    assert counts is not None
    assert str(counts["running"]) == "30"
    stepfunctions = Pages(500)
    count_executions(cast("SFNClient", stepfunctions), "arn")
    assert stepfunctions.asked <= 8


def test_limited_outcomes_are_marked(
    scones: Scones, s3: S3Client, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_RESULTS", 2)
    for number in range(3):
        workflow.write("review", f"incoming/d/{number}.png", "e")
    assert json.loads(scones("status", "--json").stdout)["at_least"] == ["outcomes.review"]
    assert "2+" in scones("status").stdout


def test_express_workflows_list_no_executions(
    scones: Scones, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: BaseClient, operation: str, request: dict[str, Any]) -> object:
        if operation == "ListExecutions":
            raise ClientError({"Error": {"Code": "StateMachineTypeNotSupported"}}, operation)
        return original(self, operation, request)

    original = BaseClient._make_api_call  # type: ignore[attr-defined]
    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    assert "not listed for EXPRESS" in scones("status").stdout
    assert json.loads(scones("status", "--json").stdout)["executions"] is None


def test_other_errors_of_step_functions_are_told(
    scones: Scones, s3: S3Client, outputs: dict[str, str]
) -> None:
    outputs["WorkflowArn"] += "-gone"
    result = scones("status")
    assert result.exit_code == 2
    assert "StateMachineDoesNotExist" in result.stderr


def test_images_of_scones_verify_are_not_counted(
    scones: Scones, s3: S3Client, workflow: FakeWorkflow
) -> None:
    workflow.write("passed", "incoming/d/1.png", "e")
    for outcome in ("passed", "review", "rejected", "failed"):
        workflow.write(outcome, "incoming/scones-verify/20261126T201500Z-4f2a1c/a.png", "e")
    document = json.loads(scones("status", "--json").stdout)
    assert document["outcomes"] == {"passed": 1, "review": 0, "reviewed": 0, "rejected": 0, "failed": 0}
    assert document["labels"] == {"bicycle": 1, "motorcycle": 0}
