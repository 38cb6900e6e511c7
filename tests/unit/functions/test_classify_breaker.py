"""Classify and the breaker: open stops an image before the endpoint, a probe passes, and nothing unread stops one."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from classify.breaker import MAX_AGE_S, Breaker, is_probe, why_open
from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.unit.functions.environment import SETTINGS, load

ARN = "arn:aws:states:eu-west-1:123456789012:execution:classify:"
OPEN = json.dumps({"paused": True, "reason": "20 of 20 calls failed", "breaker": {"next_probe": "x"}})
OF_A_PERSON = json.dumps({"paused": True, "reason": "work", "by": "anna"})
CLOSED = json.dumps({"paused": False, "by": "the breaker"})
EVENT = {"image_data": b64encode(b"image").decode(), "content_type": "image/png", "s3_request_id": "1"}


class FakeSsm:
    def __init__(self, *answers: str | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    def get_parameter(self, **_: str) -> dict[str, Any]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if isinstance(answer, Exception):
            raise answer
        return {"Parameter": {"Value": answer}}


class FakeRuntime:
    """An endpoint that refuses, and counts how often it was asked."""

    def __init__(self, code: str) -> None:
        self.code, self.asked = code, 0

    def invoke_endpoint(self, **_: Any) -> Any:
        self.asked += 1
        raise client_error(self.code)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (OPEN, "20 of 20 calls failed"),
        (OF_A_PERSON, None),
        (CLOSED, None),
        ('{"paused": false, "breaker": {}}', None),
    ],
)
def test_only_a_pause_of_the_breaker_stops_images(text: str, why: str | None) -> None:
    assert why_open(text) == why


def doubting(ssm: FakeSsm, clock: Callable[[], float] = lambda: 0.0) -> Breaker:
    """Return the breaker of a copy whose last call failed."""
    breaker = Breaker(lambda: ssm, "Pause-scones", clock)  # type: ignore[arg-type,return-value]
    breaker.endpoint_failed = True
    return breaker


def test_a_copy_whose_last_call_was_answered_reads_nothing() -> None:
    ssm = FakeSsm(OPEN)
    breaker = doubting(ssm)
    breaker.endpoint_failed = False
    assert breaker.why_open() is None
    assert ssm.asked == 0


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "true", "{}", '{"paused": "yes"}'])
def test_what_is_no_pause_stops_no_image_and_is_logged(text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert doubting(FakeSsm(text)).why_open() is None
    assert "the breaker could not be read" in caplog.text


@pytest.mark.parametrize(
    "error",
    [
        client_error("AccessDenied"),
        client_error("ThrottlingException"),
        EndpointConnectionError(endpoint_url="x"),
    ],
)
def test_an_ssm_that_does_not_answer_stops_no_image_and_is_asked_again_after_half_a_minute(
    error: Exception,
) -> None:
    now, ssm = [0.0], FakeSsm(error, OPEN)
    breaker = doubting(ssm, lambda: now[0])
    assert [breaker.why_open() for _ in range(5)] == [None] * 5
    assert ssm.asked == 1
    now[0] += MAX_AGE_S
    assert breaker.why_open() == "20 of 20 calls failed"


def test_an_answer_is_kept_for_half_a_minute_and_not_over_a_clock_that_was_set_back() -> None:
    now, ssm = [1000.0], FakeSsm(CLOSED, OPEN, CLOSED)
    breaker = doubting(ssm, lambda: now[0])
    seen = []
    for moment in (1000, 1029.9, 1030, 1059, 900):
        now[0] = moment
        seen.append(breaker.why_open())
    assert seen == [None, None, "20 of 20 calls failed", "20 of 20 calls failed", None]


@pytest.mark.parametrize(
    ("execution", "probe"),
    [(f"{ARN}probe-1", True), (f"{ARN}1", False), (f"{ARN}1:probe-1:1", False), ("", False), (None, False)],
)
def test_a_probe_is_known_by_the_name_of_its_execution(execution: str | None, probe: bool) -> None:
    assert is_probe(execution) is probe


type App = Callable[..., Any]


@pytest.fixture
def app() -> App:
    def loaded(state: str | Exception, code: str = "ServiceUnavailable") -> Any:
        found = load("classify", SETTINGS["classify"])
        found.breaker = doubting(FakeSsm(state))
        found.runtime = FakeRuntime(code)
        return found

    return loaded


def raised_by(app: Any, name: str) -> str:
    with pytest.raises(Exception) as found:  # noqa: PT011 - its name is what the workflow knows
        app.handler(EVENT | {"execution": f"{ARN}{name}"}, FakeLambdaContext())
    return type(found.value).__name__


def test_while_open_no_image_reaches_the_endpoint_and_no_call_is_counted(
    app: App, capsys: pytest.CaptureFixture[str]
) -> None:
    function = app(OPEN)
    assert raised_by(function, "1") == "EndpointPausedError"
    assert function.runtime.asked == 0
    assert "EndpointErrors" not in capsys.readouterr().out


def test_an_unread_breaker_lets_the_image_go_to_the_endpoint(app: App) -> None:
    function = app(client_error("AccessDenied"))
    assert raised_by(function, "1") == "EndpointUnavailableError"
    assert function.runtime.asked == 1


@pytest.mark.parametrize("state", [OPEN, CLOSED])
@pytest.mark.parametrize("code", ["ServiceUnavailable", "ThrottlingException", "ValidationError"])
def test_a_probe_calls_the_endpoint_once_and_is_parked_where_it_fails(
    app: App, state: str, code: str
) -> None:
    function = app(state, code)
    assert raised_by(function, "probe-1") == "EndpointPausedError"
    assert function.runtime.asked == 1


def test_what_is_no_fault_of_the_endpoint_is_what_it_was(app: App) -> None:
    assert raised_by(app(OPEN, "AccessDeniedException"), "probe-1") == "ClientError"


def test_a_new_copy_calls_once_before_it_reads_the_breaker(app: App) -> None:
    function = app(OPEN)
    function.breaker.endpoint_failed = False
    assert raised_by(function, "1") == "EndpointUnavailableError"
    assert raised_by(function, "2") == "EndpointPausedError"
    assert function.runtime.asked == 1
