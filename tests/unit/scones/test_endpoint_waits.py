"""While outcomes stay away, `drop` and `status` say that the endpoint is what images wait for."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from botocore.exceptions import ClientError

from scones.endpoint_waits import LOOKED_AT, find_endpoint_wait
from tests.fakes.execution_history import (
    UNAVAILABLE,
    FakeExecutions,
    endpoint_away,
    entered,
    failed,
    scheduled,
)
from tests.unit.scones.fake_stack import IMAGES, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, MakeImages, Scones

ARN = f"arn:aws:states:{REGION}:123456789012:execution:triage:"
SAID = f"waiting for the endpoint, retried: {UNAVAILABLE[1]}"


@pytest.fixture
def executions(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> FakeExecutions:
    """Step Functions beside moto's: `scones status` lists the executions of a workflow too."""
    fake, real = FakeExecutions(), boto3.client("stepfunctions", region_name=REGION)
    monkeypatch.setattr(fake, "get_paginator", real.get_paginator)
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: fake)
    return fake


def claim(
    executions: FakeExecutions, key: str, etag: str, history: list[dict[str, Any]], number: int = 0
) -> None:
    """An open claim whose execution has this history."""
    executions.add(ARN + key, "RUNNING", history)
    item = {
        "image_key": key,
        "etag": etag,
        "execution": ARN + key,
        "state_shard": f"open#{number % 16}",
        "state_since": datetime.now(UTC).isoformat(),
    }
    boto3.client("dynamodb", region_name=REGION).put_item(
        TableName="claims", Item={name: {"S": value} for name, value in item.items()}
    )


def claim_lost(executions: FakeExecutions, workflow: FakeWorkflow, history: list[dict[str, Any]]) -> None:
    """Claim each image that the fake workflow loses, as soon as it is there."""
    advance = workflow._advance

    def claimed(key: str, etag: str, size: int) -> None:
        if "lost" in key and ARN + key not in executions.statuses:
            claim(executions, key, etag, history)
        advance(key, etag, size)

    workflow._advance = claimed  # type: ignore[method-assign]


def test_drop_says_it_once_while_it_waits_and_of_each_image_at_the_end(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, executions: FakeExecutions
) -> None:
    images("one.png", "lost-1.png", "lost-2.png")
    workflow.lose = "lost"
    claim_lost(executions, workflow, endpoint_away(3))

    result = scones("drop", "photos", "--timeout", "60")

    assert result.exit_code == 1
    lines = result.stderr.splitlines()
    assert lines.count(f"2 images are {SAID}") == 1
    assert result.stdout.count(f"no outcome yet: {SAID}") == 2
    assert lines[-1].startswith(
        "see `scones status --stack scones --region us-east-1`, or of one image: scones why"
    )
    assert executions.asked["states:GetExecutionHistory"] <= 2 * 5, "it looks less and less often"


def test_drop_for_machines_has_it_as_the_reason(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, executions: FakeExecutions
) -> None:
    images("lost.png")
    workflow.lose = "lost"
    claim_lost(executions, workflow, endpoint_away(3))
    result = scones("drop", "photos", "--timeout", "2", "--json")
    assert json.loads(result.stdout)["images"][0]["reason"] == f"no outcome yet: {SAID}"
    assert result.stderr.count(SAID) == 1


def test_drop_does_not_look_while_outcomes_come(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, executions: FakeExecutions
) -> None:
    images(*(f"{number}.png" for number in range(8)))
    workflow.delay = {f"/{number}.png": 2 * number for number in range(8)}
    assert scones("drop", "photos").exit_code == 0
    assert not executions.asked


def test_who_may_only_upload_is_told_nothing(
    scones: Scones, workflow: FakeWorkflow, images: MakeImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []

    def refuse(*_: object) -> None:
        looks.append(1)
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchGetItem")

    monkeypatch.setattr("scones.drop.silence.read_claims", refuse)
    images("lost.png")
    workflow.lose = "lost"
    result = scones("drop", "photos", "--timeout", "60")
    assert result.exit_code == 1
    assert "1 image got no outcome within 60 s" in result.stderr
    assert len(looks) == 1


def test_status_says_how_many_of_the_oldest_wait(
    scones: Scones, workflow: FakeWorkflow, executions: FakeExecutions
) -> None:
    assert json.loads(scones("status", "--json").stdout)["waiting_for_endpoint"] is None
    for number in range(3):
        claim(executions, f"incoming/{number}.png", "e", endpoint_away(2), number)
    claim(executions, "incoming/busy.png", "e", [entered("Serialize image"), scheduled()], 7)

    document = json.loads(scones("status", "--json").stdout)
    assert document["waiting_for_endpoint"] == {"images": 3, "looked_at": 4, "error": UNAVAILABLE[1]}
    (line,) = [
        line for line in scones("status").stdout.splitlines() if line.startswith("waiting for the endpoint")
    ]
    assert line.split(maxsplit=4)[-1] == f"3 of the 4 oldest images, retried: {UNAVAILABLE[1]}"


def test_other_errors_are_not_the_endpoint_s() -> None:
    executions, now = FakeExecutions(), datetime.now(UTC)
    executions.add(ARN + "1", "RUNNING", [entered("Classify"), failed("Lambda.Unknown", "", now)])
    executions.add(ARN + "2", "RUNNING", [*endpoint_away(2), entered("Explain failure")])
    names = [ARN + "1", ARN + "2", ARN + "gone", f"arn:aws:states:{REGION}:1:express:triage:1:1"]
    assert find_endpoint_wait(cast("Any", executions), names) is None
    assert find_endpoint_wait(cast("Any", executions), []) is None


def test_only_a_few_executions_are_looked_at() -> None:
    executions = FakeExecutions()
    for number in range(50):
        executions.add(f"{ARN}{number}", "RUNNING", endpoint_away(1))
    wait = find_endpoint_wait(cast("Any", executions), list(executions.statuses))
    assert wait
    assert (len(wait.executions), wait.looked_at) == (LOOKED_AT, LOOKED_AT)
    assert executions.asked["states:GetExecutionHistory"] == LOOKED_AT


def test_the_image_bucket_is_not_touched(scones: Scones, s3: S3Client, executions: FakeExecutions) -> None:
    assert scones("status").exit_code == 0
    assert s3.list_objects_v2(Bucket=IMAGES)["KeyCount"] == 0
