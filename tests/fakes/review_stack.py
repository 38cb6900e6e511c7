"""A stack in moto whose images wait for a person, and a "Record decision" that does its last state only."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
from moto.dynamodb.models import DynamoDBBackend

from scones.connection import Connection
from scones.decisions.review_image import ReviewImage
from scones.image_keys import ImageKeys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_sts import STSClient

REGION, IMAGES, CLAIMS = "us-east-1", "review-images", "review-claims"
MACHINE = f"arn:aws:states:{REGION}:123456789012:stateMachine:record-decision"
_STACKS = itertools.count()
PROJECTED = ["execution", "version_id", "size", "outcome", "label", "confidence", "lease_until"]


@dataclass
class Recorder:
    """Step Functions with one machine: it closes the claim, or fails, or is never started."""

    dynamodb: Any
    failure: Exception | None = None
    is_slow: bool = False
    started: list[dict[str, Any]] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> dict[str, Any]:  # noqa: A002, N803
        assert stateMachineArn == MACHINE
        self.names.append(name)
        if self.failure:
            raise self.failure
        request = json.loads(input)
        self.started.append(request)
        if not self.is_slow:
            self.close(request["image_key"], request["etag"])
        return {"executionArn": f"{MACHINE}:1"}

    def close(self, key: str, etag: str) -> None:
        """Do what the machine does to the claim, in one write."""
        name = {"image_key": {"S": key}, "etag": {"S": etag}}
        claim = self.dynamodb.get_item(TableName=CLAIMS, Key=name)["Item"]
        entries = claim["decisions"]["L"]
        newest = entries[-1]["M"]
        first = next((entry["M"]["model_said"] for entry in entries if "model_said" in entry["M"]), None)
        said = first or {"M": {field: claim[field] for field in ("outcome", "label", "confidence")}}
        newest["model_said"] = said
        del claim["state_shard"], claim["state_since"]
        if newest["label"]["S"] == "undone":
            del claim["decision"]
            claim |= {"outcome": said["M"]["outcome"], "label": said["M"]["label"]}
            if said["M"]["outcome"]["S"] == "review":
                shard = ReviewImage(key, etag).shard
                claim |= {
                    "state_shard": {"S": f"person#{shard}"},
                    "state_since": {"S": "2026-11-01T10:00:00Z"},
                }
        else:
            claim |= {"outcome": {"S": "reviewed"}, "label": newest["label"]}
            if newest["label"]["S"] == "gone":
                del claim["decision"]
        self.dynamodb.put_item(TableName=CLAIMS, Item=claim)


@cache
def _session() -> boto3.Session:
    return boto3.Session(
        "testing", "testing", region_name=REGION
    )  # one: it keeps AWS's models, which are slow to read


class SharedClients(Connection):
    """A connection that makes one client of a kind: making twenty takes longer than the tests that need them."""

    @cache  # noqa: B019 (of a test)
    def dynamodb(self) -> DynamoDBClient:
        return super().dynamodb()

    @cache  # noqa: B019
    def s3(self) -> S3Client:
        return super().s3()

    @cache  # noqa: B019
    def sts(self) -> STSClient:
        return super().sts()

    @cache  # noqa: B019
    def stepfunctions(self) -> SFNClient:
        return super().stepfunctions()


class ReviewStack:
    """What `Reviewer` takes for a connection and a stack, on moto; use it inside `mock_aws`."""

    def __init__(self, *, versioned: bool = True) -> None:
        self.connection = SharedClients(_session(), f"scones-{next(_STACKS)}")
        self.dynamodb, self.s3 = self.connection.dynamodb(), self.connection.s3()
        self.recorder = Recorder(self.dynamodb)
        self.stack: Any = SimpleNamespace(
            name="scones",
            claims_table=CLAIMS,
            image_bucket=IMAGES,
            incoming_prefix="incoming/",
            keys=ImageKeys(),
            record_decision_arn=MACHINE,
            labels=("bicycle", "motorcycle"),
        )
        self.s3.create_bucket(Bucket=IMAGES)
        if versioned:
            self.s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})
        self._create_table()

    @contextmanager
    def one_write_at_a_time(self) -> Iterator[None]:
        """Let threads write: moto looks at a condition and then writes, where DynamoDB does both at once."""
        lock, update = Lock(), DynamoDBBackend.update_item

        def update_alone(*arguments: Any, **named: Any) -> Any:
            with lock:
                return update(*arguments, **named)

        with patch.object(DynamoDBBackend, "update_item", update_alone):
            yield

    def add(
        self, name: str, *, minute: int = 0, outcome: str = "review", body: bytes | None = None
    ) -> ReviewImage:
        """Upload an image that has its outcome; one of `review` waits since a minute of the same hour."""
        key, body = f"incoming/{name}", body or f"image {name}".encode()
        put = self.s3.put_object(Bucket=IMAGES, Key=key, Body=body)
        image = ReviewImage(
            key,
            hashlib.md5(body, usedforsecurity=False).hexdigest(),
            put.get("VersionId"),
            len(body),
            f"2026-11-01T10:{minute:02}:00Z",
            waits=outcome == "review",
        )
        item = image.claim_key | {
            "execution": {"S": "an-execution"},
            "finished_at": {"S": "2026-11-01T11:00:00.000Z"},
            "outcome": {"S": outcome},
            "label": {"S": "motorcycle"},
            "confidence": {"N": "0.61"},
            "size": {"N": str(image.size)},
        }
        if image.version_id:
            item["version_id"] = {"S": image.version_id}
        if outcome == "review":
            item |= {"state_shard": {"S": f"person#{image.shard}"}, "state_since": {"S": image.arrived}}
        self.dynamodb.put_item(TableName=CLAIMS, Item=item)
        return image

    def claim(self, image: ReviewImage) -> dict[str, Any]:
        """Return the item of an image."""
        return self.dynamodb.get_item(TableName=CLAIMS, Key=image.claim_key, ConsistentRead=True).get(
            "Item", {}
        )

    def decisions(self, image: ReviewImage) -> list[str]:
        """Return the labels of the decisions about an image, oldest first."""
        entries = self.claim(image).get("decisions", {}).get("L", [])
        return [entry["M"]["label"]["S"] for entry in entries]

    def _create_table(self) -> None:
        names = ("image_key", "etag", "state_shard", "state_since")
        self.dynamodb.create_table(
            TableName=CLAIMS,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=_keys("image_key", "etag"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_state",
                    "KeySchema": _keys("state_shard", "state_since"),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": PROJECTED},
                }
            ],
        )


def _keys(first: str, second: str) -> Any:
    return [{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}]
