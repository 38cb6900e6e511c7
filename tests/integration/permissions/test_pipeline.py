"""The whole pipeline with IAM enforced: the template's roles, and nothing else, make it work."""

import json
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.pictures import picture

pytestmark = pytest.mark.local_cloud


def test_iam_is_enforced(guarded: LocalCloud) -> None:
    url = guarded.client("s3").meta.endpoint_url
    stranger = boto3.Session("AKIAIOSFODNN7EXAMPLE", "x" * 40, region_name="us-east-1").client(
        "s3", endpoint_url=url
    )
    with pytest.raises(ClientError, match=r"403|Denied|InvalidAccessKeyId"):
        stranger.list_buckets()


def test_every_kind_of_outcome(guarded: LocalCloud, tmp_path: Path) -> None:
    (tmp_path / "sure.png").write_bytes(picture("sure"))
    (tmp_path / "none.jpg").write_bytes(b"no image")
    ended = guarded.shell.run("drop", "--json", str(tmp_path))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcomes = {image["outcome"] for image in json.loads(ended.stdout)["images"]}
    assert "rejected" in outcomes
    assert outcomes & {"passed", "review"}
    assert "failed" not in outcomes


def test_the_sweep_and_the_backfill(guarded: LocalCloud) -> None:
    events = guarded.client("events")
    (rule,) = events.list_rule_names_by_target(TargetArn=guarded.outputs["WorkflowAliasArn"])["RuleNames"]
    events.disable_rule(Name=rule)
    guarded.put("incoming/swept.png", picture("swept"))
    guarded.put("incoming/filled/one.png", picture("filled"))

    filled = guarded.shell.run("backfill", "filled/", "--json")
    assert filled.returncode == 0, filled.stdout + filled.stderr
    events.enable_rule(Name=rule)
    swept = guarded.shell.run("sweep", "--older-than", "0", "--json")
    started = {image["key"] for image in json.loads(swept.stdout)["images"]["started"]}
    assert "incoming/swept.png" in started, swept.stdout + swept.stderr
    guarded.wait_until_idle(1)

    images = {document["image"]["key"] for document in guarded.documents().values() if "image" in document}
    assert {"incoming/swept.png", "incoming/filled/one.png"} <= images


@pytest.mark.parametrize(
    ("service", "call", "arguments"),
    [
        ("s3", "get_object", {"Bucket": "ImageBucketName", "Key": "incoming/swept.png"}),
        ("s3", "list_objects_v2", {"Bucket": "ImageBucketName"}),
        ("s3", "put_object", {"Bucket": "ImageBucketName", "Key": "elsewhere/x", "Body": b"x"}),
        ("s3", "put_object", {"Bucket": "ResultsBucketName", "Key": "incoming/x", "Body": b"x"}),
        ("s3", "delete_object", {"Bucket": "ImageBucketName", "Key": "incoming/swept.png"}),
        ("stepfunctions", "start_execution", {"stateMachineArn": "WorkflowArn"}),
        ("dynamodb", "scan", {"TableName": "ClaimsTableName"}),
    ],
)
def test_an_uploader_can_upload_and_nothing_else(
    guarded: LocalCloud, uploader: Any, service: str, call: str, arguments: dict[str, Any]
) -> None:
    given = {
        name: guarded.outputs.get(value, value) for name, value in arguments.items() if isinstance(value, str)
    }
    body = {"Body": arguments["Body"]} if "Body" in arguments else {}
    with pytest.raises(ClientError, match=r"Denied|not authorized"):
        getattr(uploader(service), call)(**given, **body)


def test_an_uploader_uploads(guarded: LocalCloud, uploader: Any) -> None:
    bucket = guarded.outputs["ImageBucketName"]
    uploader("s3").put_object(Bucket=bucket, Key="incoming/theirs.png", Body=picture("theirs"))
    assert guarded.client("s3").head_object(Bucket=bucket, Key="incoming/theirs.png")["ContentLength"] > 0
