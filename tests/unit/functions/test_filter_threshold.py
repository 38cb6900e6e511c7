"""The live threshold: what counts as one, how long it counts, and what counts while it cannot be had."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from filter.errors import StoreUnavailableError
from filter.settings import Settings
from filter.threshold import LiveThreshold
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.parameter_server import ParameterServer, parameter_server

PARAMETER = "ConfidenceThreshold-scones"
LABELS = ("bicycle", "motorcycle")
DEPLOYED = 0.8


@dataclass
class FakeStore:
    """A store of one parameter: its value, or the error that asking for it makes."""

    value: str | Exception
    asked: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        self.asked.append(name)
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class Scene:
    """A live threshold over a fake store, at a time of the test's own."""

    def __init__(self, value: str | Exception) -> None:
        self.now = 1_000.0
        self.store = FakeStore(value)
        settings = Settings(LABELS, dict.fromkeys(LABELS, DEPLOYED), PARAMETER, 30)
        self.live = LiveThreshold(self.store, settings, lambda: self.now)


type Stage = Callable[[str | Exception], Scene]


@pytest.fixture
def stage() -> Stage:
    return Scene


@pytest.fixture
def unavailable() -> Callable[[str], Exception]:
    error: Callable[[str], Exception] = StoreUnavailableError
    return error


@pytest.fixture
def ssm() -> Iterator[ParameterServer]:
    with parameter_server("0.95") as server:
        yield server


@pytest.fixture
def silent_server() -> Iterator[socket.socket]:
    """A server to which clients connect, and which never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def connections(server: socket.socket) -> int:
    """Return how many clients have connected since the last call."""
    count = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            count += 1
    return count


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("1", 1), ("1.0", 1), ("0.80", 0.8), (".5", 0.5), (" 0.9 \n", 0.9), ("1e-1", 0.1)],
)
def test_a_number_as_people_write_it_counts(stage: Stage, text: str, value: float) -> None:
    found = stage(text).live.read()
    assert (found.of["bicycle"], found.problem) == (value, None)


@pytest.mark.parametrize(
    "text",
    ["", " ", "0,8", "80%", "80", "nan", "inf", "-0.1", "1.01", "0_8", "\u0660.\u0668", "high", "9" * 4096],
)
def test_anything_else_leaves_the_deployed_one(stage: Stage, text: str) -> None:
    found = stage(text).live.read()
    assert found.of["bicycle"] == DEPLOYED
    assert f"parameter {PARAMETER}: must be a number from 0 to 1, not {text[:20]!r}" == found.problem


def test_an_ssm_that_does_not_answer_leaves_the_deployed_one(
    stage: Stage, unavailable: Callable[[str], Exception]
) -> None:
    found = stage(unavailable("AccessDeniedException: no")).live.read()
    assert found.of["bicycle"] == DEPLOYED
    assert found.problem == f"parameter {PARAMETER}: AccessDeniedException: no"


def test_a_change_counts_within_thirty_seconds_and_ssm_is_asked_no_oftener(stage: Stage) -> None:
    scene = stage("0.9")
    assert scene.live.read().of["bicycle"] == 0.9
    scene.store.value = "0.5"
    scene.now += 29.9
    assert scene.live.read().of["bicycle"] == 0.9
    assert scene.store.asked == [PARAMETER]
    scene.now += 0.2
    assert scene.live.read().of["bicycle"] == 0.5
    assert len(scene.store.asked) == 2


def test_a_clock_that_is_set_back_keeps_no_threshold_for_an_hour(stage: Stage) -> None:
    scene = stage("0.9")
    scene.live.read()
    scene.store.value = "0.5"
    scene.now -= 3600
    assert scene.live.read().of["bicycle"] == 0.5


@pytest.mark.parametrize("bad", ["unavailable", "high"])
def test_what_is_wrong_with_ssm_is_not_asked_for_each_image_and_is_over_when_it_is_fixed(
    stage: Stage, unavailable: Callable[[str], Exception], bad: str
) -> None:
    scene = stage(unavailable("ParameterNotFound") if bad == "unavailable" else bad)
    for _ in range(100):
        assert scene.live.read().problem is not None
    assert len(scene.store.asked) == 1
    scene.store.value = "0.9"
    scene.now += 30.1
    found = scene.live.read()
    assert (found.of["bicycle"], found.problem) == (0.9, None)


def test_not_the_last_live_one_but_the_deployed_one_counts_when_ssm_is_gone(
    stage: Stage, unavailable: Callable[[str], Exception]
) -> None:
    scene = stage("0.9")
    assert scene.live.read().of["bicycle"] == 0.9
    scene.store.value = unavailable("InternalServerError")
    scene.now += 30.1
    assert scene.live.read().of["bicycle"] == DEPLOYED


def test_the_handler_judges_by_the_live_one(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str], ssm: ParameterServer
) -> None:
    function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER, AWS_ENDPOINT_URL_SSM=ssm.url)
    verdict = function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    assert (verdict["passed"], verdict["threshold"]) == (False, 0.95)
    assert (ssm.asked, ssm.refused) == ([PARAMETER], [])
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record for record in records if "ThresholdFallback" in record] == []
    assert not [record for record in records if record.get("level") == "WARNING"]


def test_the_handler_says_for_each_image_that_the_deployed_one_judged(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str], ssm: ParameterServer
) -> None:
    ssm.refuse("ParameterNotFound")
    execution = "arn:aws:states:eu-west-1:123456789012:execution:classify:1"
    function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER, AWS_ENDPOINT_URL_SSM=ssm.url)
    event = {"inferences": [0.9, 0.1], "execution": execution}
    verdicts = [function.handler(event, FakeLambdaContext()) for _ in range(2)]
    assert [(verdict["passed"], verdict["threshold"]) for verdict in verdicts] == [(True, DEPLOYED)] * 2
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    warnings = [record for record in records if record.get("level") == "WARNING"]
    assert [warning["correlation_id"] for warning in warnings] == [execution] * 2
    assert all("ParameterNotFound" in warning["reason"] for warning in warnings)
    assert [record["ThresholdFallback"] for record in records if "ThresholdFallback" in record] == [[1.0]] * 2


def test_an_ssm_that_hangs_costs_one_image_a_few_seconds_and_no_other(
    load_app: Callable[..., Any], capsys: pytest.CaptureFixture[str], silent_server: socket.socket
) -> None:
    url = f"http://127.0.0.1:{silent_server.getsockname()[1]}"
    function = load_app("filter", THRESHOLD_PARAMETER=PARAMETER, AWS_ENDPOINT_URL_SSM=url)
    assert function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())["threshold"] == DEPLOYED
    assert 1 <= connections(silent_server) <= 2
    assert "did not respond within 1 s" in capsys.readouterr().out
    function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    assert connections(silent_server) == 0


@pytest.mark.parametrize(
    "environment", [{}, {"THRESHOLD_PARAMETER": "LiveThreshold", "AWS_SAM_LOCAL": "true"}]
)
def test_without_a_parameter_or_under_sam_local_the_deployed_one_is_all_there_is(
    load_app: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    ssm: ParameterServer,
    environment: dict[str, str],
) -> None:
    function = load_app("filter", AWS_ENDPOINT_URL_SSM=ssm.url, **environment)
    assert function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())["threshold"] == DEPLOYED
    assert "WARNING" not in capsys.readouterr().out
    assert ssm.asked == ssm.refused == []


@pytest.mark.parametrize("text", ["", "-1", "1.5", "soon", "999999"])
def test_the_age_is_a_number_of_seconds(text: str) -> None:
    environment = {
        "LABELS": "a,b",
        "CONFIDENCE_THRESHOLD": "0.8",
        "POWERTOOLS_PARAMETERS_MAX_AGE": text,
    }
    with pytest.raises(ValueError, match=r"^POWERTOOLS_PARAMETERS_MAX_AGE must be a number of seconds"):
        Settings.from_environment(environment)
