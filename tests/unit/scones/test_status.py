"""`scones status`: counts per outcome and label, executions, and the queue of failed images."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from scones import status as module
from scones.status import count_executions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from tests.unit.scones.conftest import FakeWorkflow, Scones


def test_counts_for_machines(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    for number in range(3):
        workflow.write("passed", f"incoming/d/{number}.png", "e")
    workflow.write("passed", "incoming/d/m.png", "e", label="motorcycle")
    workflow.write("passed", "incoming/d/old.png", "e", label="tandem")
    workflow.write("review", "incoming/d/r.png", "e")
    workflow.write("failed", "incoming/d/f.png", "e")
    queue = boto3.client("sqs", region_name="us-east-1")
    for _ in range(2):
        queue.send_message(
            QueueUrl=queue.get_queue_url(QueueName="failed-images")["QueueUrl"], MessageBody="x"
        )
    queue.receive_message(
        QueueUrl=queue.get_queue_url(QueueName="failed-images")["QueueUrl"], MaxNumberOfMessages=1
    )
    result = scones("status", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) == {
        "stack": "scones",
        "outcomes": {"passed": 5, "review": 1, "rejected": 0, "failed": 1},
        "labels": {"bicycle": 3, "motorcycle": 1, "tandem": 1},
        "executions": {"running": 0, "failed": 0, "timed_out": 0, "aborted": 0},
        "at_least": [],
        "failed_images_queue": {"visible": 1, "in_flight": 1},
        "endpoint": "the-endpoint",
        "threshold": 0.8,
        "deployed_threshold": 0.8,
    }


def test_counts_for_people(scones: Scones, s3: S3Client, workflow: FakeWorkflow) -> None:
    workflow.write("passed", "incoming/d/1.png", "e")
    result = scones("status")
    assert result.exit_code == 0
    for part in ("passed", "bicycle", "0 timed out", "0 visible, 0 in flight", "the-endpoint, threshold 0.8"):
        assert part in result.stdout


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
    assert document["outcomes"] == {"passed": 1, "review": 0, "rejected": 0, "failed": 0}
    assert document["labels"] == {"bicycle": 1, "motorcycle": 0}
