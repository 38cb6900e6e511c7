"""`scones show`: everything about one image in one place, and no verdict while a person has to decide."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.fakes.aws_clients import RefusedPages, client_error
from tests.fakes.execution_history import START, FakeExecutions, entered, scheduled
from tests.unit.scones.fake_stack import IMAGES, REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones

KEY = "incoming/d/a photo.jpg"
EXECUTION = f"arn:aws:states:{REGION}:123456789012:execution:triage:1"
DECISION = {
    "id": "4f" * 16,
    "label": "motorcycle",
    "by": "arn:aws:sts::123456789012:assumed-role/Reviewer/kim",
    "at": "2026-11-27T10:00:00.000Z",
}


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch) -> FakeExecutions:
    fake = FakeExecutions()
    left = {
        "type": "TaskStateExited",
        "timestamp": START + timedelta(seconds=2),
        "stateExitedEventDetails": {"name": "Classify"},
    }
    fake.add(EXECUTION, "SUCCEEDED", [entered("Classify"), scheduled(), left])
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: fake)
    return fake


@pytest.fixture
def logs(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client = boto3.client("logs", region_name=REGION)
    client.create_log_group(logGroupName="filter-logs")
    client.create_log_stream(logGroupName="filter-logs", logStreamName="s")
    line = {"level": "INFO", "message": "filtered", "execution": EXECUTION}
    client.put_log_events(
        logGroupName="filter-logs",
        logStreamName="s",
        logEvents=[{"timestamp": int(time.time() * 1000), "message": json.dumps(line)}],
    )
    monkeypatch.setattr("scones.why.evidence.find_log_groups", lambda *_: {"Filter": "filter-logs"})


@pytest.fixture
def uploaded(s3: S3Client, workflow: FakeWorkflow, executions: FakeExecutions, logs: None) -> UploadedImages:
    return UploadedImages(s3, workflow)


class UploadedImages:
    """Images in the bucket, each with its result and its claim."""

    def __init__(self, s3: S3Client, workflow: FakeWorkflow) -> None:
        self._s3, self._workflow = s3, workflow

    def add(self, body: bytes, outcome: str, **more: Any) -> str:
        etag = self._s3.put_object(Bucket=IMAGES, Key=KEY, Body=body)["ETag"].strip('"')
        self._workflow.write(outcome, KEY, etag, **more)
        return etag

    def decide(self, etag: str, **more: str) -> None:
        decision = {name: {"S": value} for name, value in (DECISION | more).items()}
        decision["took_ms"] = {"N": "1800"}
        boto3.client("dynamodb", region_name=REGION).update_item(
            TableName="claims",
            Key={"image_key": {"S": KEY}, "etag": {"S": etag}},
            UpdateExpression="SET decision = :id, decisions = :all REMOVE state_shard",
            ExpressionAttributeValues={":id": decision["id"], ":all": {"L": [{"M": decision}]}},
        )


def told(scones: Scones, *arguments: str) -> dict[str, Any]:
    result = scones("show", KEY, "--json", *arguments)
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_a_passed_image(scones: Scones, uploaded: UploadedImages) -> None:
    older = uploaded.add(b"older", "failed")
    etag = uploaded.add(b"newer", "passed", confidence=0.97, endpoint={"name": "e", "variant": "v"})
    story = told(scones)
    assert (story["etag"], story["outcome"], story["verdict_hidden"]) == (etag, "passed", False)
    assert (story["document"]["label"], story["document"]["confidence"]) == ("bicycle", 0.97)
    assert [(state["state"], state["tries"]) for state in story["states"]] == [("Classify", 1)]
    assert [line["message"] for line in story["log"]] == ["filtered"]
    assert [(one["etag"], one["outcome"]) for one in story["others"]] == [(older, "failed")]
    text = scones("show", "d/a photo.jpg").stdout
    for part in ("bicycle at 0.970", "bicycle 0.500, motorcycle 0.500", "Classify: 2.00 s", "e, v", older):
        assert part in text


@pytest.mark.parametrize("decided", [False, True])
def test_the_verdict_about_an_image_that_waits_is_told_only_when_asked_for(
    scones: Scones, uploaded: UploadedImages, decided: bool
) -> None:
    """Its reason names label and confidence, so it is left out too; also where it is another image of the key."""
    waiting = uploaded.add(b"waiting", "review", label="motorcycle", confidence=0.61)
    if decided:
        uploaded.decide(waiting, label="neither")
    texts = [scones("show", KEY, *json_too).stdout for json_too in ((), ("--json",))]
    for text in texts:
        assert ("motorcycle at 0.61" in text) == decided
        assert ("0.61" in text) == decided
    assert told(scones)["verdict_hidden"] is not decided
    assert told(scones, "--with-verdict")["document"]["confidence"] == 0.61
    assert "motorcycle at 0.610" in scones("show", KEY, "--with-verdict").stdout
    assert ("--with-verdict shows" in scones("show", KEY).stderr) is not decided
    uploaded.add(b"newer", "passed")
    assert ("review as motorcycle" in scones("show", KEY).stdout) == decided


def test_decisions_are_told(scones: Scones, uploaded: UploadedImages) -> None:
    etag = uploaded.add(b"a", "review")
    uploaded.decide(etag, replaces="11" * 16)
    (decision,) = told(scones)["decisions"]
    assert decision == {**DECISION, "took_ms": 1800, "replaces": "11" * 16}
    assert "motorcycle by arn:aws:sts::123456789012:assumed-role/Reviewer/kim, after 1.8 s" in (
        text := scones("show", KEY).stdout
    )
    assert "replaces 11111111" in text


def test_an_execution_that_was_forgotten(
    scones: Scones, uploaded: UploadedImages, executions: FakeExecutions
) -> None:
    uploaded.add(b"a", "rejected")
    executions.statuses.clear()
    assert told(scones)["states"] is None
    text = scones("show", KEY).stdout
    assert "CorruptImageError in Serialize image: it is cut off" in text
    assert "Step Functions keeps them for 90 days" in text


def test_an_image_that_nobody_claimed_and_one_that_is_not_there(
    scones: Scones, uploaded: UploadedImages, s3: S3Client
) -> None:
    s3.put_object(Bucket=IMAGES, Key=KEY, Body=b"new")
    story = told(scones)
    assert (story["outcome"], story["claim"], story["document"], story["states"]) == (None,) * 4
    assert "none: no execution has taken it" in scones("show", KEY).stdout
    unknown = scones("show", "d/a foto.jpg")
    assert unknown.exit_code == 2
    assert "did you mean" in unknown.stderr


def test_who_may_only_review_is_told_which_permission_is_missing(
    scones: Scones, uploaded: UploadedImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploaded.add(b"photo", "passed")
    refusal = client_error("AccessDeniedException", message="not authorized", operation="Query")
    monkeypatch.setattr("scones.connection.Connection.dynamodb", lambda _connection: RefusedPages(refusal))
    result = scones("show", KEY)
    assert result.exit_code == 2
    assert (
        "needs dynamodb:Query on table claims, which the stack's ReviewerPolicy does not allow"
        in result.stderr
    )
    assert "`scones review KEY` corrects an image without it" in result.stderr
