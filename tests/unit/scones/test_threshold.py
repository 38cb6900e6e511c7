"""`scones threshold`: what it shows, what it sets, and what it refuses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from click.testing import CliRunner

from scones.cli import main

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient

    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones

NAME = "ConfidenceThreshold-scones"


@pytest.fixture
def ssm(s3: S3Client) -> SSMClient:
    """SSM of a deployed stack, whose threshold is 0.8."""
    return boto3.client("ssm", region_name="us-east-1")


def stored(ssm: SSMClient) -> str:
    return ssm.get_parameter(Name=NAME)["Parameter"]["Value"]


def test_it_shows_the_live_one(scones: Scones, ssm: SSMClient) -> None:
    result = scones("threshold")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "0.8\n", "")
    ssm.put_parameter(Name=NAME, Value="0.95", Overwrite=True)
    assert scones("threshold").stdout == "0.95 (deployed: 0.8)\n"
    assert json.loads(scones("threshold", "--json").stdout) == {
        "threshold": 0.95,
        "deployed": 0.8,
        "parameter": NAME,
        "problem": None,
    }


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [("0.9", "0.9", "0.9 (deployed: 0.8)"), (" .8", "0.8", "0.8"), ("1", "1.0", "1 (deployed: 0.8)")],
)
def test_it_sets_and_says_when_it_counts(
    scones: Scones, ssm: SSMClient, text: str, value: str, shown: str
) -> None:
    result = scones("threshold", text)
    assert (result.exit_code, result.stdout) == (0, f"{shown}\n")
    assert "within 30 s" in result.stderr
    assert stored(ssm) == value
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Version"] == 2


@pytest.mark.parametrize("text", ["", "nan", "inf", "1.1", "0,8", "80%", "0_8", "high\x1b[2J"])
def test_it_refuses_what_is_no_threshold(scones: Scones, ssm: SSMClient, text: str) -> None:
    result = scones("threshold", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "must be a number from 0 to 1, not" in result.stderr
    assert "\x1b" not in result.stderr
    assert ssm.get_parameter(Name=NAME)["Parameter"]["Version"] == 1


def test_reset_goes_back_to_the_deployed_one(scones: Scones, ssm: SSMClient, outputs: dict[str, str]) -> None:
    outputs["PassThreshold"] = "0.75"
    scones("threshold", "0.9")
    result = scones("threshold", "--reset", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["threshold"] == 0.75
    assert result.stderr == ""
    assert stored(ssm) == "0.75"


def test_a_value_and_reset_exclude_each_other(scones: Scones, ssm: SSMClient) -> None:
    result = scones("threshold", "0.9", "--reset")
    assert result.exit_code == 2
    assert "exclude each other" in result.stderr
    assert stored(ssm) == "0.8"


def test_a_parameter_that_is_gone_is_told_and_made_again(scones: Scones, ssm: SSMClient) -> None:
    ssm.delete_parameter(Name=NAME)
    result = scones("threshold")
    assert (result.exit_code, result.stdout) == (1, "0.8\n")
    assert f"parameter {NAME} is gone: the deployed one counts" in result.stderr
    assert "`scones threshold --stack scones --region us-east-1 --reset` fixes it" in result.stderr
    assert scones("threshold", "--reset").exit_code == 0
    assert scones("threshold").exit_code == 0


def test_a_value_that_filter_cannot_use_is_told(scones: Scones, ssm: SSMClient) -> None:
    ssm.put_parameter(Name=NAME, Value="0,9", Overwrite=True)
    result = scones("threshold", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["threshold"] == 0.8
    assert document["problem"] == f"parameter {NAME} must be a number from 0 to 1, not '0,9'"


def test_status_shows_the_one_that_counts(scones: Scones, ssm: SSMClient) -> None:
    scones("threshold", "0.9")
    assert "the-endpoint, threshold 0.9 (deployed: 0.8)" in scones("status").stdout
    document = json.loads(scones("status", "--json").stdout)
    assert (document["threshold"], document["deployed_threshold"]) == (0.9, 0.8)


@pytest.mark.parametrize(
    ("arguments", "operation"),
    [([], "GetParameter"), (["0.9"], "PutParameter"), (["--reset"], "PutParameter")],
)
def test_a_refused_permission_is_one_line(
    scones: Scones, ssm: SSMClient, monkeypatch: pytest.MonkeyPatch, arguments: list[str], operation: str
) -> None:
    def refuse(_self: BaseClient, name: str, _request: dict[str, Any]) -> object:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, name)

    monkeypatch.setattr("botocore.client.BaseClient._make_api_call", refuse)
    result = scones("threshold", *arguments)
    assert result.exit_code == 2
    assert f"not allowed to call {operation} (no)" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_stack_from_before_the_live_threshold(
    scones: Scones, cloudformation: FakeCloudFormation, outputs: dict[str, str]
) -> None:
    del outputs["ThresholdParameterName"]
    result = scones("threshold")
    assert result.exit_code == 2
    assert (
        "no output ThresholdParameterName), or one older than this command: deploy it again" in result.stderr
    )


def test_no_such_stack_and_no_cloud(aws: None, cloudformation: FakeCloudFormation) -> None:
    command = ["threshold", "--stack", "ghost", "--region", "us-east-1", "0.9"]
    assert "no stack named ghost in us-east-1" in CliRunner(mix_stderr=False).invoke(main, command).stderr
    assert "no local cloud is running" in CliRunner(mix_stderr=False).invoke(main, ["threshold"]).stderr


def test_help_says_what_a_threshold_is() -> None:
    result = CliRunner().invoke(main, ["threshold", "--help"])
    assert result.exit_code == 0
    assert "from 0 to 1" in result.stdout
    assert "--reset" in result.stdout
