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
from scones.connection import Connection
from scones.errors import SconesError
from scones.live_threshold import write_certified
from scones.stack import read_stack

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
        "thresholds": {"bicycle": 0.95, "motorcycle": 0.95},
        "deployed": 0.8,
        "deployed_thresholds": {"bicycle": 0.8, "motorcycle": 0.8},
        "certificate": None,
        "stopped": None,
        "parameter": NAME,
        "problem": None,
    }


def test_it_says_that_nothing_passes_and_a_new_one_ends_that(scones: Scones, ssm: SSMClient) -> None:
    live = {"thresholds": {"default": 0.8}, "stopped": "Too many were wrong."}
    ssm.put_parameter(Name=NAME, Value=json.dumps(live), Overwrite=True)
    assert scones("threshold").stdout == "nothing passes (Too many were wrong.)\n"
    assert json.loads(scones("threshold", "--json").stdout)["stopped"] == "Too many were wrong."
    assert scones("threshold", "0.9").exit_code == 0
    assert stored(ssm) == "0.9"


@pytest.mark.parametrize(
    ("text", "value", "shown"),
    [
        ("0.9", "0.9", "0.9 (deployed: 0.8)"),
        (" .8", "0.8", "0.8"),
        ("1.0", "1", "1 (deployed: 0.8)"),
        (
            "bicycle=0.9, default=.75",
            "bicycle=0.9,default=0.75",
            "bicycle=0.9,default=0.75 (deployed: 0.8)",
        ),
        ("bicycle=0.8,default=0.8", "bicycle=0.8,default=0.8", "bicycle=0.8,default=0.8"),
    ],
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bycicle=0.9,default=0.8", "names 'bycicle', which is not a label: they are bicycle, motorcycle"),
        ("bicycle=0.9", "has no number for motorcycle: name it, or add default=NUMBER"),
        ("bicycle=0.9,bicycle=0.8,default=1", "names 'bicycle' twice"),
        ("bicycle=0.9,0.8", "'0.8' is not a pair"),
        ("bicycle=80%,default=1", "for 'bicycle' must be a number from 0 to 1, not '80%'"),
    ],
)
def test_it_refuses_thresholds_that_are_not_those_of_the_labels(
    scones: Scones, ssm: SSMClient, text: str, words: str
) -> None:
    result = scones("threshold", text)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())
    assert stored(ssm) == "0.8"


def test_thresholds_by_label_have_no_single_number(scones: Scones, ssm: SSMClient) -> None:
    document = json.loads(scones("threshold", "bicycle=0.9,default=0.8", "--json").stdout)
    assert document["threshold"] is None
    assert document["thresholds"] == {"bicycle": 0.9, "motorcycle": 0.8}


CERTIFICATE = {
    "model_version": "91bc",
    "labels": ["bicycle", "motorcycle"],
    "serialize": "s1-32",
    "until": "2026-12-24T00:00:00Z",
    "error": 0.01,
}


@pytest.fixture
def connection(cloudformation: FakeCloudFormation) -> Connection:
    return Connection(boto3.Session(region_name="us-east-1"), "scones")


@pytest.fixture
def certified(ssm: SSMClient, scones: Scones, connection: Connection) -> str:
    """What `scones certify --apply` wrote."""
    earlier = write_certified(ssm, read_stack(connection), {"default": 0.93, "bicycle": 0.9}, CERTIFICATE)
    assert earlier == "0.8"
    return stored(ssm)


def test_it_shows_what_was_certified(scones: Scones, certified: str) -> None:
    result = scones("threshold")
    assert result.stdout.splitlines() == [
        "default=0.93,bicycle=0.9 (deployed: 0.8)",
        "certified for model 91bc until 2026-12-24T00:00:00Z",
    ]
    assert json.loads(scones("threshold", "--json").stdout)["certificate"] == CERTIFICATE


@pytest.mark.parametrize("arguments", [["0.9"], ["--reset"]])
def test_a_new_value_ends_the_certificate_and_says_so(
    scones: Scones, ssm: SSMClient, certified: str, arguments: list[str]
) -> None:
    result = scones("threshold", *arguments)
    assert result.exit_code == 0
    assert "this ends the certificate that is valid until 2026-12-24T00:00:00Z" in result.stderr
    assert stored(ssm) == ("0.9" if arguments == ["0.9"] else "0.8")


def test_where_a_certificate_is_required_only_force_ends_it(
    scones: Scones, ssm: SSMClient, certified: str, cloudformation: FakeCloudFormation
) -> None:
    cloudformation.parameters["RequireCertificate"] = "true"
    result = scones("threshold", "0.9")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "without one no image passes: `scones threshold --force` sets it all the same" in result.stderr
    assert stored(ssm) == certified
    forced = scones("threshold", "0.9", "--force")
    assert forced.exit_code == 0
    assert "no image passes, because RequireCertificate is true and there is no certificate" in forced.stderr
    assert stored(ssm) == "0.9"


@pytest.mark.parametrize(
    ("thresholds", "change", "words"),
    [
        ({"car": 0.9, "default": 0.8}, {}, "names 'car', which is not a label"),
        ({"default": 0.9}, {"until": "soon"}, "whose until is not a time with its zone"),
        ({"default": 0.9}, {"model_version": None}, "without model_version or endpoint_config"),
        ({"default": 0.9}, {"reviewers": "x" * 4096}, "and a parameter holds 4,096"),
    ],
)
def test_a_certificate_that_filter_could_not_use_is_not_written(
    ssm: SSMClient, connection: Connection, thresholds: dict[str, float], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(SconesError, match=words):
        write_certified(ssm, read_stack(connection), thresholds, {**CERTIFICATE, **change})
    assert stored(ssm) == "0.8"


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
    [([], "GetParameter"), (["0.9"], "GetParameter"), (["--reset"], "GetParameter")],
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
