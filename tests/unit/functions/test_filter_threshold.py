"""The live threshold: what counts as one, how long it counts, and what counts while it cannot be had."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SSMProvider
from moto import mock_aws

from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext

PARAMETER = "ConfidenceThreshold-scones"
DEPLOYED = 0.8


@dataclass
class FakeSSM:
    """SSM with one parameter: its value, or the error that asking for it makes."""

    value: str | Exception
    asked: list[str] = field(default_factory=list)

    def get_parameter(self, *, Name: str, WithDecryption: bool) -> dict[str, Any]:  # noqa: N803 (AWS's)
        self.asked.append(Name)
        if isinstance(self.value, Exception):
            raise self.value
        return {"Parameter": {"Value": self.value}}


class Scene:
    """A live threshold over a fake SSM, at a time of the test's own."""

    def __init__(self, filter_: Any, value: str | Exception) -> None:
        self.now = 1_000.0
        self.ssm = FakeSSM(value)
        provider = SSMProvider(boto3_client=self.ssm)  # type: ignore[arg-type]
        settings = filter_.settings.Settings(("bicycle", "motorcycle"), DEPLOYED, PARAMETER, 30)
        self.live = filter_.threshold.LiveThreshold(provider, settings, lambda: self.now)


type Stage = Callable[[str | Exception], Scene]


@pytest.fixture
def stage(filter_: Any, monkeypatch: pytest.MonkeyPatch) -> Stage:
    def set_up(value: str | Exception) -> Scene:
        scene = Scene(filter_, value)
        powertools = SimpleNamespace(now=lambda: datetime.fromtimestamp(scene.now, tz=None))  # noqa: DTZ006
        monkeypatch.setattr("aws_lambda_powertools.utilities.parameters.base.datetime", powertools)
        return scene

    return set_up


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1", 1), ("1.0", 1), ("0.80", 0.8), (".5", 0.5), (" 0.9 \n", 0.9), ("1e-1", 0.1)],
)
def test_a_number_as_people_write_it_counts(stage: Stage, text: str, value: float) -> None:
    found = stage(text).live.read()
    assert (found.value, found.problem) == (value, None)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0,8", "80%", "80", "nan", "inf", "-0.1", "1.01", "0_8", "\u0660.\u0668", "high", "9" * 4096],
)
def test_anything_else_leaves_the_deployed_one(stage: Stage, text: str) -> None:
    found = stage(text).live.read()
    assert found.value == DEPLOYED
    assert f"parameter {PARAMETER}: must be a number from 0 to 1, not {text[:20]!r}" == found.problem


@pytest.mark.parametrize(
    "error",
    [
        client_error("ParameterNotFound", operation="GetParameter"),
        client_error("AccessDeniedException", operation="GetParameter"),
        client_error("ThrottlingException", operation="GetParameter"),
        TimeoutError("read timed out"),
    ],
)
def test_an_ssm_that_does_not_answer_leaves_the_deployed_one(stage: Stage, error: Exception) -> None:
    found = stage(error).live.read()
    assert found.value == DEPLOYED
    assert str(error) in found.problem


def test_a_change_counts_within_thirty_seconds_and_ssm_is_asked_no_oftener(stage: Stage) -> None:
    scene = stage("0.9")
    assert scene.live.read().value == 0.9
    scene.ssm.value = "0.5"
    scene.now += 29.9
    assert scene.live.read().value == 0.9
    assert scene.ssm.asked == [PARAMETER]
    scene.now += 0.2
    assert scene.live.read().value == 0.5
    assert len(scene.ssm.asked) == 2


@pytest.mark.parametrize("bad", [client_error("ParameterNotFound"), "high"])
def test_what_is_wrong_with_ssm_is_not_asked_for_each_image_and_is_over_when_it_is_mended(
    stage: Stage, bad: str | Exception
) -> None:
    scene = stage(bad)
    for _ in range(100):
        assert scene.live.read().problem is not None
    assert len(scene.ssm.asked) == 1
    scene.ssm.value = "0.9"
    scene.now += 30.1
    found = scene.live.read()
    assert (found.value, found.problem) == (0.9, None)


def test_not_the_last_live_one_but_the_deployed_one_counts_when_ssm_is_gone(stage: Stage) -> None:
    scene = stage("0.9")
    assert scene.live.read().value == 0.9
    scene.ssm.value = client_error("InternalServerError")
    scene.now += 30.1
    assert scene.live.read().value == DEPLOYED


def test_the_handler_judges_by_the_live_one(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        boto3.client("ssm", region_name="eu-west-1").put_parameter(
            Name=PARAMETER, Value="0.95", Type="String"
        )
        function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER)
        verdict = function.app.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    assert (verdict["passed"], verdict["threshold"]) == (False, 0.95)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record for record in records if "ThresholdFallback" in record] == []
    assert not [record for record in records if record.get("level") == "WARNING"]


def test_the_handler_says_for_each_image_that_the_deployed_one_judged(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    execution = "arn:aws:states:eu-west-1:123456789012:execution:classify:1"
    with mock_aws():
        function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER)
        event = {"inferences": [0.9, 0.1], "execution": execution}
        verdicts = [function.app.handler(event, FakeLambdaContext()) for _ in range(2)]
    assert [(verdict["passed"], verdict["threshold"]) for verdict in verdicts] == [(True, DEPLOYED)] * 2
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    warnings = [record for record in records if record.get("level") == "WARNING"]
    assert [warning["correlation_id"] for warning in warnings] == [execution] * 2
    assert all("ParameterNotFound" in warning["reason"] for warning in warnings)
    assert [record["ThresholdFallback"] for record in records if "ThresholdFallback" in record] == [[1.0]] * 2


def test_an_ssm_that_hangs_costs_one_image_a_few_seconds_and_no_other(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str], silent_server: str
) -> None:
    function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER, AWS_ENDPOINT_URL_SSM=silent_server)
    started = time.monotonic()
    assert function.app.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())["threshold"] == DEPLOYED
    first = time.monotonic() - started
    function.app.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    assert first < 6
    assert time.monotonic() - started - first < 0.5
    assert "Read timeout" in capsys.readouterr().out


@pytest.mark.parametrize(
    "environment", [{}, {"THRESHOLD_PARAMETER": "LiveThreshold", "AWS_SAM_LOCAL": "true"}]
)
def test_without_a_parameter_or_under_sam_local_the_deployed_one_is_all_there_is(
    load_app: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
) -> None:
    monkeypatch.setattr(SSMProvider, "__init__", lambda *_a, **_k: pytest.fail("SSM is not to be asked"))
    function = load_app("filter", **environment)
    assert function.app.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())["threshold"] == DEPLOYED
    assert "WARNING" not in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "999999"])
def test_the_age_is_a_number_of_seconds(filter_: Any, text: str) -> None:
    environment = {
        "LABELS": "a,b",
        "CONFIDENCE_THRESHOLD": "0.8",
        "POWERTOOLS_PARAMETERS_MAX_AGE": text,
    }
    with pytest.raises(ValueError, match=r"^POWERTOOLS_PARAMETERS_MAX_AGE must be a number of seconds"):
        filter_.settings.Settings.from_environment(environment)
