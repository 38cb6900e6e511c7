"""The deploy command against an emulated account: what it prints, and that --delete leaves nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("moto", reason="moto is not installed")
pytest.importorskip("sagemaker.core", reason="sagemaker-core is not installed")

import boto3

from tests.fakes.sagemaker_control_plane import ROLE, ControlPlane, emulated_sagemaker
from training.deploy import main
from training.release.waiting import Waiter

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "scones-image-classifier"


@pytest.fixture
def plane(monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlPlane]:
    with emulated_sagemaker() as (plane, session):
        monkeypatch.setattr(boto3, "Session", lambda **_: session)
        plane.session = session  # type: ignore[attr-defined]
        yield plane


def run(*arguments: str, name: str = NAME) -> int:
    return main(["--endpoint-name", name, *arguments], Waiter(sleep=lambda _: None))


def deploy(version: int = 1, *more: str, name: str = NAME) -> int:
    data = f"s3://models/{version:012}/model.tar.gz"
    return run("--image", "registry.example/e:1", "--model-data", data, "--role", ROLE, *more, name=name)


def everything(plane: ControlPlane) -> list[str]:
    """Return the names of all that exists in the account and could cost or confuse."""
    session = plane.session  # type: ignore[attr-defined]
    sagemaker = session.client("sagemaker")
    scaling = session.client("application-autoscaling")
    return [
        *(entry["EndpointName"] for entry in sagemaker.list_endpoints()["Endpoints"]),
        *(entry["EndpointConfigName"] for entry in sagemaker.list_endpoint_configs()["EndpointConfigs"]),
        *(entry["ModelName"] for entry in sagemaker.list_models()["Models"]),
        *(entry["AlarmName"] for entry in session.client("cloudwatch").describe_alarms()["MetricAlarms"]),
        *(
            entry["ResourceId"]
            for entry in scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        ),
        *(
            entry["PolicyName"]
            for entry in scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        ),
    ]


def test_a_release_says_what_it_costs_and_how_to_end_it(
    plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    assert deploy() == 0
    out = capsys.readouterr().out
    assert f"endpoint {NAME} serves model 000000000001" in out
    assert "no cost while idle" in out
    assert "--delete" in out


def test_a_dry_run_calls_nothing(plane: ControlPlane) -> None:
    assert deploy(1, "--dry-run") == 0
    assert plane.calls == []


def test_delete_leaves_nothing_of_any_release(plane: ControlPlane) -> None:
    deploy(1, "--instance-type", "ml.c5.large")
    deploy(2, "--instance-type", "ml.c5.large")
    assert len(everything(plane)) == 9
    assert run("--delete", "--yes") == 0
    assert everything(plane) == []


def test_delete_leaves_what_is_not_of_this_endpoint(plane: ControlPlane) -> None:
    deploy(name=f"{NAME}-two")  # its name begins alike
    others = everything(plane)
    deploy()
    assert run("--delete", "--yes") == 0
    assert everything(plane) == others


def test_delete_shows_first_and_asks(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    deploy()
    before = everything(plane)
    capsys.readouterr()
    assert run("--delete") == 1  # nobody at the keyboard to ask
    captured = capsys.readouterr()
    assert all(name in captured.out for name in before)
    assert "--yes" in captured.err
    assert everything(plane) == before


def test_delete_dry_run_only_looks(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    deploy()
    plane.calls.clear()
    assert run("--delete", "--dry-run") == 0
    assert plane.writes() == []
    assert f"DeleteEndpoint {NAME}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "operation",
    ["DeregisterScalableTarget", "DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel", "DeleteAlarms"],
)
def test_an_interrupted_delete_goes_on(
    plane: ControlPlane, operation: str, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(1, "--instance-type", "ml.c5.large")
    plane.interrupt_before = operation
    assert run("--delete", "--yes") == 130
    assert "run it again" in capsys.readouterr().err
    assert run("--delete", "--yes") == 0
    assert everything(plane) == []


def test_delete_of_nothing_is_no_error(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--delete", "--yes") == 0
    assert "nothing is there" in capsys.readouterr().out


def test_delete_waits_for_an_update_under_way(plane: ControlPlane) -> None:
    deploy()
    plane.calls.clear()
    plane.statuses = ["Updating"] * 3
    assert run("--delete", "--yes") == 0
    deletion = plane.calls.index("DeleteEndpoint")
    assert plane.calls[:deletion].count("DescribeEndpoint") > 3


def test_somebody_elses_endpoint_is_not_deleted(
    plane: ControlPlane, capsys: pytest.CaptureFixture[str]
) -> None:
    sagemaker = plane.session.client("sagemaker")  # type: ignore[attr-defined]
    variant = {"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
    sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=NAME, EndpointConfigName="c")
    assert run("--delete", "--yes") == 1
    assert "it is not removed" in capsys.readouterr().err
    assert len(everything(plane)) == 3


def test_what_aws_refuses_is_one_line(plane: ControlPlane, capsys: pytest.CaptureFixture[str]) -> None:
    plane.refuse = "CreateModel"
    assert deploy() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "AccessDeniedException" in line
