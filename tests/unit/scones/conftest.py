"""A stack in moto, and a fake workflow that writes result documents for what is uploaded to it."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from moto import mock_aws

from scones.cli import main
from scones.pace import Pace
from tests.fakes.command_contract import check_output

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
    "rejected": {
        "error": {"name": "CorruptImageError", "message": "it is cut off", "state": "Serialize image"}
    },
    "failed": {"error": {"name": "EndpointNotFoundError", "message": "", "state": "Classify"}},
}


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a project of its own, and no AWS settings but fake keys."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "fake")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "fake")
    project = tmp_path / "project"
    project.mkdir()
    (project / "template.yaml").touch()
    monkeypatch.chdir(project)
    return project


@pytest.fixture
def outputs() -> dict[str, str]:
    """The outputs of an image triage stack."""
    return {
        "ImageBucketName": IMAGES,
        "ResultsBucketName": RESULTS,
        "WorkflowArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:triage",
        "WorkflowAliasArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:triage:live",
        "ReviewTopicArn": f"arn:aws:sns:{REGION}:123456789012:review",
        "AlertTopicArn": f"arn:aws:sns:{REGION}:123456789012:alert",
        "FailedImagesQueueUrl": f"https://sqs.{REGION}.amazonaws.com/123456789012/failed-images",
        "ClaimsTableName": "claims",
        "SweepFunctionName": "sweep",
        "BackfillArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:backfill",
        "IncomingPrefix": "incoming/",
        "ModelLabels": "bicycle,motorcycle",
        "PassThreshold": "0.8",
        "ThresholdParameterName": "ConfidenceThreshold-scones",
        "ModelEndpointName": "the-endpoint",
    }


class FakeCloudFormation:
    """CloudFormation with one stack; moto's own needs packages that nothing else here does."""

    def __init__(self, outputs: dict[str, str], status: str = "CREATE_COMPLETE") -> None:
        self.outputs = outputs
        self.parameters = dict(PARAMETERS)
        self.status = status
        self.meta = SimpleNamespace(region_name=REGION)

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


@pytest.fixture
def cloudformation(outputs: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> FakeCloudFormation:
    """The CloudFormation every command sees; `outputs` and `status` may be changed."""
    fake = FakeCloudFormation(outputs)
    monkeypatch.setattr("scones.connection.Connection.cloudformation", lambda _connection: fake)
    return fake


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


def _keys(first: str, second: str) -> Any:
    return [{"AttributeName": first, "KeyType": "HASH"}, {"AttributeName": second, "KeyType": "RANGE"}]


@pytest.fixture
def s3(aws: None, cloudformation: FakeCloudFormation) -> "S3Client":
    """S3 of a deployed stack, whose queue and workflow exist too."""
    session = boto3.Session(region_name=REGION)
    client = session.client("s3")
    client.create_bucket(Bucket=IMAGES)
    client.create_bucket(Bucket=RESULTS)
    session.client("sqs").create_queue(QueueName="failed-images")
    session.client("dynamodb").create_table(
        TableName="claims",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"}
            for name in ("image_key", "etag", "state_shard", "state_since")
        ],
        KeySchema=_keys("image_key", "etag"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_state",
                "KeySchema": _keys("state_shard", "state_since"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["execution"]},
            }
        ],
    )
    session.client("ssm").put_parameter(Name="ConfidenceThreshold-scones", Value="0.8", Type="String")
    session.client("stepfunctions").create_state_machine(
        name="triage",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/triage",
    )
    return client


def reason_of(verdict: dict[str, Any], outcome: str) -> str:
    """Return the document's sentence, as the workflow words it."""
    if verdict["error"]:
        return str(verdict["error"]["message"] or verdict["error"]["name"])
    how = "reaches" if outcome == "passed" else "is below"
    return f"{verdict['label']} at {verdict['confidence']} {how} the threshold of 0.8"


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
            outcome = next((one for one in VERDICTS if name.startswith(one)), "passed")
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
            "finished_at": "2026-11-21T10:00:01.000Z",
            **verdict,
        }
        label = f"{verdict['label']}/" if outcome == "passed" else ""
        result_key = f"{outcome}/{label}{key.removeprefix('incoming/')}/{etag}.json"
        self.s3.put_object(Bucket=RESULTS, Key=result_key, Body=json.dumps(document, indent=attempt).encode())
        self.written.append(result_key)
        return result_key


@pytest.fixture
def workflow(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> FakeWorkflow:
    """The fake workflow; `scones drop` pauses by letting it work for a round."""
    fake = FakeWorkflow(s3)
    monkeypatch.setattr("scones.drop.command.pace_for", lambda _connection: fake.pace())
    return fake


type Scones = Callable[..., Result]
type MakeImages = Callable[..., Path]


@pytest.fixture
def scones() -> Scones:
    """Run the command against the deployed stack; stdout and stderr apart, and JSON held to its schema."""

    def run(command: str, *arguments: str, stack: str | None = "scones") -> Result:
        where = ["--stack", stack, "--region", REGION] if stack else []
        result = CliRunner(mix_stderr=False).invoke(main, [command, *where, *arguments])
        if "--json" in arguments and result.stdout:
            check_output(command, result.stdout)
        return result

    return run


@pytest.fixture
def images(clean_environment: Path) -> MakeImages:
    """Make files below photos/; each has bytes of its own."""

    def make(*names: str) -> Path:
        folder = clean_environment / "photos"
        for name in names:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"image " + name.encode("utf-8", "surrogateescape"))
        return folder

    return make
