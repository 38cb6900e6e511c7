"""`scones certify` on a claims table with its index by_draw: what it reads, and which images it puts into the queue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.audits import OFF
from scones.index import shard_of, time_text

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones


@pytest.fixture
def claims(s3: S3Client, cloudformation: FakeCloudFormation) -> Any:
    """The claims table of a stack that draws a half of its images."""
    cloudformation.parameters |= {"AuditShare": "0.5", "AuditDays": "14"}
    table = boto3.client("dynamodb", region_name="us-east-1")
    index: Any = {
        "IndexName": "by_draw",
        "KeySchema": [
            {"AttributeName": "draw_shard", "KeyType": "HASH"},
            {"AttributeName": "draw_at", "KeyType": "RANGE"},
        ],
        "Projection": {
            "ProjectionType": "INCLUDE",
            "NonKeyAttributes": ["draw", "decision", "decisions", "second_looks", "outcome"],
        },
    }
    table.update_table(
        TableName="claims",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("draw_shard", "draw_at")
        ],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    return table


def add(table: Any, number: int, said: str | None, shard: str = "drawn") -> None:
    """The claim of an image that passed as a bicycle, and of which a person said something."""
    key, etag = f"incoming/{number}.jpg", f"etag{number}"
    at = time_text(datetime.now(UTC) - timedelta(hours=100 - number))
    item: dict[str, Any] = {
        "image_key": {"S": key},
        "etag": {"S": etag},
        "outcome": {"S": "passed"},
        "draw_shard": {"S": f"{shard}#{shard_of(key, etag)}"},
        "draw_at": {"S": at},
    }
    if shard == "drawn":
        verdict = {
            "u": {"N": f"{(number % 2 + 0.5) * 2.0**-32:.16f}"},
            "at": {"S": at},
            "label": {"S": "bicycle"},
            "confidence": {"N": f"0.9{number:02}"},
            "threshold": {"N": "0.8"},
            "passed": {"BOOL": True},
            "model_version": {"S": "v1"},
            "endpoint": {"S": "the-endpoint"},
            "labels": {"S": "bicycle,motorcycle"},
            "share": {"N": "0.5"},
            "serialize": {"S": "s1-32"},
        }
        item["draw"] = {"M": verdict}
    if said:
        decision = {
            "id": {"S": "d"},
            "label": {"S": said},
            "by": {"S": "anna"},
            "at": {"S": at},
            "took_ms": {"N": "1"},
        }
        item |= {"decision": {"S": "d"}, "decisions": {"L": [{"M": decision}]}}
    table.put_item(TableName="claims", Item=item)


def test_decided_claims_certify_and_the_wrong_one_is_looked_at_again(scones: Scones, claims: Any) -> None:
    for number in range(60):
        add(claims, number, "motorcycle" if number == 58 else "bicycle")
    add(claims, 60, None, "missed")
    add(claims, 20, None, "missed")  # takes the place of a draw
    result = scones("certify", "--error", "0.5", "--confidence", "0.6")
    assert result.exit_code == 0, result.stderr + result.stdout
    assert "29 counted; 0 wait for decisions" in result.stdout
    assert "missed draws        1" in result.stdout
    assert "2 images were put into the queue for a second look" in result.stderr
    item = claims.get_item(
        TableName="claims", Key={"image_key": {"S": "incoming/58.jpg"}, "etag": {"S": "etag58"}}
    )["Item"]
    assert item["state_shard"]["S"] == f"person#{shard_of('incoming/58.jpg', 'etag58')}"
    again = scones("certify", "--error", "0.5", "--confidence", "0.6")
    assert again.stderr == ""
    assert "2 images wait for a second look" in again.stdout


def test_evidence_begins_after_the_newest_image_without_an_audit(scones: Scones, claims: Any) -> None:
    for number in range(60):
        add(claims, number, "bicycle")
    for number in (8, 20, 13):
        add(claims, number, None, "off")  # takes the place of a draw
    document = json.loads(scones("certify", "--error", "0.5", "--confidence", "0.6", "--json").stdout)
    off = claims.get_item(
        TableName="claims", Key={"image_key": {"S": "incoming/20.jpg"}, "etag": {"S": "etag20"}}
    )["Item"]["draw_at"]["S"]
    assert document["off_until"] == off
    assert (document["counted"], document["other_half"], document["left_out"]) == (19, 20, 18)


def test_evidence_begins_after_what_the_sweep_keeps_of_claims_that_expired(
    scones: Scones, claims: Any
) -> None:
    for number in range(60):
        add(claims, number, "bicycle")
    key = {"image_key": {"S": "incoming/20.jpg"}, "etag": {"S": "etag20"}}
    off = claims.get_item(TableName="claims", Key=key)["Item"]["draw_at"]
    claims.delete_item(TableName="claims", Key=key)
    claims.put_item(TableName="claims", Item=OFF | {"draw_at": off})
    document = json.loads(scones("certify", "--error", "0.5", "--confidence", "0.6", "--json").stdout)
    assert document["off_until"] == off["S"]
    assert (document["counted"], document["other_half"], document["left_out"]) == (19, 20, 20)


def test_a_draw_that_waits_ends_what_is_counted(scones: Scones, claims: Any) -> None:
    for number in range(60):
        add(claims, number, None if number == 30 else "bicycle")
    document = json.loads(scones("certify", "--error", "0.5", "--confidence", "0.6", "--json").stdout)
    assert (document["counted"], document["waiting"], document["other_half"]) == (15, 15, 30)


def test_a_table_without_the_index_is_explained(scones: Scones, s3: S3Client) -> None:
    result = scones("certify")
    assert result.exit_code == 2
    assert "by_draw" in result.stderr
