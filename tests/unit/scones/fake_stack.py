"""A deployed stack of fakes: CloudFormation, a workflow that writes result documents, and their names."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from click.testing import Result

from scones.index import shard_of, time_text
from scones.pace import Pace
from scones.result_documents import result_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


REGION = "us-east-1"


IMAGES = "the-image-bucket"


RESULTS = "the-results-bucket"


PARAMETERS = {
    "MaxObjectBytes": "26214400",
    "MaxPixels": "50331648",
    "SweepMinutes": "30",
    "SweepEveryMinutes": "15",
    "SweepDays": "14",
    "SweepAttempts": "3",
}


VERDICTS: dict[str, dict[str, Any]] = {
    "passed": {"label": "bicycle", "confidence": 0.97},
    "review": {"label": "motorcycle", "confidence": 0.61},
    "reviewed": {"label": "motorcycle", "confidence": None},
    "rejected": {
        "error": {"name": "CorruptImageError", "message": "it is cut off", "state": "Serialize image"}
    },
    "failed": {"error": {"name": "EndpointNotFoundError", "message": "", "state": "Classify"}},
}


class FakeCloudFormation:
    """CloudFormation with one stack; moto's own needs packages that nothing else here does."""

    def __init__(self, outputs: dict[str, str], status: str = "CREATE_COMPLETE") -> None:
        self.outputs = outputs
        self.parameters = dict(PARAMETERS)
        self.status = status
        events = SimpleNamespace(register=lambda *_: None)
        self.meta = SimpleNamespace(region_name=REGION, events=events)

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        if StackName != "scones":
            message = f"Stack with id {StackName} does not exist"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
        parameters = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()
        ]
        stack = {
            "StackName": StackName,
            "StackStatus": self.status,
            "Outputs": outputs,
            "Parameters": parameters,
        }
        return {"Stacks": [stack]}


def small_pages(client: Any, operation: str, size: int) -> None:
    """Let a listing of this client return so many entries at a time, where AWS returns a thousand."""
    client.meta.events.register(
        f"provide-client-params.{client.meta.service_model.service_name}.{operation}",
        lambda params, **_: params | {"MaxKeys": size},
    )


def _keys(first: str, second: str) -> Any:
    return [{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}]


def reason_of(verdict: dict[str, Any], outcome: str) -> str:
    """Return the document's sentence, as the workflow words it."""
    if verdict["error"]:
        return str(verdict["error"]["message"] or verdict["error"]["name"])
    if outcome == "reviewed":
        return "a person decided"
    how = "reaches" if outcome == "passed" else "is below"
    return f"{verdict['label']} at {verdict['confidence']} {how} the threshold of 0.8"


def closed_claim(document: dict[str, Any]) -> dict[str, Any]:
    """Return the claim of an image that has this document, as "Close claim" leaves it."""
    image, outcome = document["image"], document["outcome"]
    shard = shard_of(image["key"], image["etag"])
    texts = {
        "image_key": image["key"],
        "etag": image["etag"],
        "version_id": image["version_id"],
        "execution": document["execution"],
        "claimed_at": document["started_at"],
        "finished_at": document["finished_at"],
        "outcome": outcome,
        "outcome_shard": f"{outcome}#{shard}",
        "label": document["label"],
        "model_version": (document["endpoint"] or {}).get("model_version"),
        "reason": document["reason"][:200],
        "state_shard": f"person#{shard}" if outcome == "review" else None,
        "state_since": document["started_at"] if outcome == "review" else None,
    }
    numbers = {"attempts": 1, "size": image["size"], "confidence": document["confidence"]}
    return {name: {"S": value} for name, value in texts.items() if value is not None} | {
        name: {"N": str(value)} for name, value in numbers.items() if value is not None
    }


@dataclass
class FakeWorkflow:
    """Ends each image version once, as its name says: `review-cat.png` goes to review, others pass.

    `lose`, `delay` (rounds) and `double` name images by a part of their key. Each round is a second.
    """

    s3: "S3Client"
    lose: str | None = None
    delay: dict[str, int] = field(default_factory=dict)
    double: str | None = None
    now: float = 0.0
    interrupt_at: float | None = None
    seen: dict[tuple[str, str], int] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._claims = boto3.client("dynamodb", region_name=REGION)

    def pace(self) -> Pace:
        return Pace(clock=lambda: self.now, sleep=self.round)

    def round(self, _seconds: float = 0) -> None:
        self.now += 1
        if self.interrupt_at is not None and self.now >= self.interrupt_at:
            raise KeyboardInterrupt
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=IMAGES, Prefix="incoming/"):
            for item in page.get("Contents", []):
                self._advance(item["Key"], item["ETag"].strip('"'), item["Size"])

    def _advance(self, key: str, etag: str, size: int) -> None:
        waited = self.seen.get((key, etag), 0)
        self.seen[key, etag] = waited + 1
        if self.lose is not None and self.lose in key:
            return
        due = next((rounds for part, rounds in self.delay.items() if part in key), 0)
        doubled = self.double is not None and self.double in key and waited == due + 1
        if not (size == 0 and key.endswith("/")) and (waited == due or doubled):
            name = key.rsplit("/", 1)[-1]
            outcome = next((one for one in VERDICTS if name.startswith(f"{one}-")), "passed")
            self.write(outcome, key, etag, attempt=waited)

    def write(self, outcome: str, key: str, etag: str, attempt: int = 0, **extra: Any) -> str:
        """Write a result document as the workflow does, and return its key; other bytes for each attempt."""
        verdict = {"label": None, "confidence": None, "error": None, **VERDICTS[outcome], **extra}
        document = {
            "schema_version": "1",
            "outcome": outcome,
            "reason": reason_of(verdict, outcome),
            "image": {
                "bucket": IMAGES,
                "key": key,
                "version_id": None,
                "etag": etag,
                "size": 3,
                "sequencer": None,
            },
            "threshold": 0.8,
            "inferences": [0.5, 0.5] if verdict["label"] else None,
            "labels": ["bicycle", "motorcycle"],
            "endpoint": None,
            "execution": "arn:aws:states:us-east-1:123456789012:execution:triage:1",
            "s3_request_id": None,
            "started_at": "2026-11-21T10:00:00.000Z",
            "finished_at": time_text(datetime.now(UTC)),
            **verdict,
        }
        stored_as = result_key(outcome, verdict["label"], key, etag)
        self.s3.put_object(Bucket=RESULTS, Key=stored_as, Body=json.dumps(document, indent=attempt).encode())
        boto3.client("dynamodb", region_name=REGION).put_item(TableName="claims", Item=closed_claim(document))
        self.written.append(stored_as)
        return stored_as


type Scones = Callable[..., Result]


type MakeImages = Callable[..., Path]
