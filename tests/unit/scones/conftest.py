"""A stack in moto, and a fake workflow that writes result documents for what is uploaded to it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from click.testing import CliRunner, Result
from moto import mock_aws

from scones.cli import main
from tests.fakes.command_contract import check_output

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
from tests.unit.scones.fake_stack import (
    IMAGES,
    REGION,
    RESULTS,
    FakeCloudFormation,
    FakeWorkflow,
    MakeImages,
    Scones,
    _keys,
)


@pytest.fixture(autouse=True)
def clean_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a project of its own, no AWS settings but fake keys, and no terminal of a certain width."""
    for name in [name for name in os.environ if name.startswith("AWS_") or name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(
        "COLUMNS", raising=False
    )  # tests that run in parallel have it: the width of their terminal
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
        "RecordDecisionArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:record-decision",
        "ModelLabels": "bicycle,motorcycle",
        "PassThreshold": "0.8",
        "ThresholdParameterName": "ConfidenceThreshold-scones",
        "SerializeDigest": "s1-32",
        "ModelEndpointName": "the-endpoint",
    }


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
            for name in (
                "image_key",
                "etag",
                "state_shard",
                "state_since",
                "outcome_shard",
                "finished_at",
            )
        ],
        KeySchema=_keys("image_key", "etag"),
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_state",
                "KeySchema": _keys("state_shard", "state_since"),
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["execution"]},
            },
            {
                "IndexName": "by_time",
                "KeySchema": _keys("outcome_shard", "finished_at"),
                "Projection": {
                    "ProjectionType": "INCLUDE",
                    "NonKeyAttributes": [
                        "label",
                        "confidence",
                        "model_version",
                        "version_id",
                        "reason",
                        "size",
                    ],
                },
            },
        ],
    )
    session.client("ssm").put_parameter(Name="ConfidenceThreshold-scones", Value="0.8", Type="String")
    session.client("stepfunctions").create_state_machine(
        name="triage",
        definition=json.dumps({"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}),
        roleArn="arn:aws:iam::123456789012:role/triage",
    )
    return client


@pytest.fixture
def workflow(s3: "S3Client", monkeypatch: pytest.MonkeyPatch) -> FakeWorkflow:
    """The fake workflow; `scones drop` pauses by letting it work for a round."""
    fake = FakeWorkflow(s3)
    monkeypatch.setattr("scones.drop.command.pace_for", lambda _connection: fake.pace())
    return fake


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
