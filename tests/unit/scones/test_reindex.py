"""`scones reindex`: claims of an older release enter the index as if today's workflow had closed them; nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones import reindex as module
from scones.claims import read_claims_of_key
from scones.connection import Target, connect
from scones.reindex import Reindex
from scones.stack import read_stack
from tests.unit.scones.fake_stack import RESULTS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones

INDEXED = ("outcome_shard", "label", "confidence", "model_version", "reason", "state_shard", "state_since")


@pytest.fixture
def claims(workflow: FakeWorkflow) -> DynamoDBClient:
    return boto3.client("dynamodb", region_name="us-east-1")


def items(claims: DynamoDBClient) -> dict[str, dict[str, Any]]:
    return {item["image_key"]["S"]: item for item in claims.scan(TableName="claims")["Items"]}


def make_old(claims: DynamoDBClient, workflow: FakeWorkflow, *names: str) -> dict[str, dict[str, Any]]:
    """Write results, and turn their claims into those that the release before closed; return what they were."""
    new = {}
    for name in names:
        outcome = name.partition("-")[0]
        written = workflow.write(outcome, f"incoming/{name}.png", "e", endpoint={"model_version": "m1"})
        item = items(claims)[f"incoming/{name}.png"]
        new[name] = item
        old = {key: value for key, value in item.items() if key not in INDEXED}
        claims.put_item(
            TableName="claims",
            Item=old | {"result_key": {"S": written}, "expires_at": {"N": "1999999999"}},
        )
    return new


def test_old_claims_become_what_the_workflow_writes_today(
    scones: Scones, claims: DynamoDBClient, workflow: FakeWorkflow
) -> None:
    expected = make_old(claims, workflow, "passed-a", "review-b", "rejected-c", "failed-d")
    assert scones("results", "--csv").stdout.count("\n") == 1
    assert json.loads(scones("reindex", "--json", "--dry-run").stdout)["indexed"] == 4
    assert "outcome_shard" not in items(claims)["incoming/passed-a.png"]

    document = json.loads(scones("reindex", "--json").stdout)
    assert document == {
        "dry_run": False,
        "complete": True,
        "looked_at": 4,
        "indexed": 4,
        "without_document": 0,
        "changed": 0,
        "waiting_for_a_person": 1,
    }
    found = items(claims)
    for name, item in expected.items():
        expires = {} if name.startswith("review") else {"expires_at": {"N": "1999999999"}}
        assert found[f"incoming/{name}.png"] == item | expires
    assert scones("results", "--csv").stdout.count(".png,") == 4

    again = json.loads(scones("reindex", "--json").stdout)
    assert (again["looked_at"], again["indexed"]) == (4, 0)
    assert "0 put into the index" in scones("reindex").stdout


def test_an_expired_document_leaves_what_the_claim_knows(
    scones: Scones, claims: DynamoDBClient, workflow: FakeWorkflow, s3: S3Client
) -> None:
    make_old(claims, workflow, "passed-a", "review-b")
    for key in workflow.written:
        s3.delete_object(Bucket=RESULTS, Key=key)
    result = scones("reindex")
    assert "2 of them without confidence and reason" in result.stderr
    found = items(claims)
    assert found["incoming/passed-a.png"]["label"] == {"S": "bicycle"}
    assert "label" not in found["incoming/review-b.png"]
    assert found["incoming/review-b.png"]["state_since"] == found["incoming/review-b.png"]["claimed_at"]


def test_an_entry_that_a_rolled_back_deploy_left_is_replaced(
    scones: Scones, claims: DynamoDBClient, workflow: FakeWorkflow
) -> None:
    """The older workflow knows nothing of the entry that the newer one made of the outcome before."""
    expected = make_old(claims, workflow, "rejected-a")["rejected-a"]
    stale = {"outcome_shard": "passed#1", "label": "bicycle", "model_version": "m0"}
    set_(claims, "rejected-a", {name: {"S": value} for name, value in stale.items()})
    assert json.loads(scones("reindex", "--json").stdout)["indexed"] == 1
    found = items(claims)["incoming/rejected-a.png"]
    assert found["outcome_shard"] == expected["outcome_shard"]
    assert "label" not in found
    assert json.loads(scones("reindex", "--json").stdout)["indexed"] == 0


def test_a_decided_image_gets_its_label_and_does_not_wait_again(
    scones: Scones, claims: DynamoDBClient, workflow: FakeWorkflow
) -> None:
    """Its decision is to be recorded: in the queue again, nobody could decide about it, and nothing recorded it."""
    expected = make_old(claims, workflow, "review-a")
    decided = {"decision": "1" * 32, "state_shard": "record#1", "state_since": "2026-11-20T10:00:00.000Z"}
    set_(claims, "review-a", {name: {"S": value} for name, value in decided.items()})
    assert json.loads(scones("reindex", "--json").stdout)["waiting_for_a_person"] == 0
    found = items(claims)["incoming/review-a.png"]
    assert found["state_shard"] == {"S": "record#1"}
    assert found["label"] == expected["review-a"]["label"]


def set_(claims: DynamoDBClient, name: str, values: dict[str, Any]) -> None:
    claims.put_item(TableName="claims", Item=items(claims)[f"incoming/{name}.png"] | values)


def test_a_claim_that_changes_meanwhile_is_left_to_the_workflow(
    claims: DynamoDBClient, workflow: FakeWorkflow, s3: S3Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(claims, workflow, "passed-a")
    key = {"image_key": {"S": "incoming/passed-a.png"}, "etag": {"S": "e"}}

    def claimed_now(*_: object) -> None:
        claims.update_item(
            TableName="claims",
            Key=key,
            UpdateExpression="SET execution = :next REMOVE finished_at",
            ExpressionAttributeValues={":next": {"S": "next"}},
        )

    monkeypatch.setattr(Reindex, "_wait_for_turn", claimed_now)
    run = new_run(claims, s3)
    run.run(lambda _: None)
    assert run.counts == {module.State.CHANGED: 1}
    assert "outcome_shard" not in items(claims)["incoming/passed-a.png"]
    assert read_claims_of_key(claims, "claims", "incoming/passed-a.png")["e"].execution == "next"


def new_run(claims: DynamoDBClient, s3: S3Client, **more: Any) -> Reindex:
    stack = read_stack(connect(Target("scones", None, "us-east-1")))
    return Reindex(claims, s3, stack, **more)


def test_a_run_that_was_stopped_is_continued(
    scones: Scones, claims: DynamoDBClient, workflow: FakeWorkflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_old(claims, workflow, *(f"passed-{number}" for number in range(30)))
    write = Reindex._write

    def interrupted(self: Reindex, *arguments: Any) -> bool:
        if sum(self.counts.values()) >= 10:
            raise KeyboardInterrupt
        return write(self, *arguments)

    monkeypatch.setattr(Reindex, "_write", interrupted)
    stopped = scones("reindex", "--json")
    assert stopped.exit_code == 130
    assert "the same command continues" in stopped.stderr
    first = json.loads(stopped.stdout)
    assert first["complete"] is False
    assert 10 <= first["indexed"] < 30
    monkeypatch.setattr(Reindex, "_write", write)
    second = json.loads(scones("reindex", "--json").stdout)
    assert first["indexed"] + second["indexed"] == 30


def test_writes_are_paced(claims: DynamoDBClient, workflow: FakeWorkflow, s3: S3Client) -> None:
    make_old(claims, workflow, *(f"passed-{number}" for number in range(5)))
    pauses: list[float] = []
    new_run(claims, s3, per_second=2, clock=lambda: 100.0, sleep=pauses.append).run(lambda _: None)
    assert sorted(pauses) == [0.5, 1.0, 1.5, 2.0]


def test_a_table_without_the_index_says_what_to_do(
    scones: Scones, workflow: FakeWorkflow, outputs: dict[str, str]
) -> None:
    boto3.client("dynamodb", region_name="us-east-1").create_table(
        TableName="old",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "image_key", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "image_key", "KeyType": "HASH"}],
    )
    outputs["ClaimsTableName"] = "old"
    result = scones("reindex")
    assert result.exit_code == 2
    assert "has no index by_time: deploy the stack again" in result.stderr
