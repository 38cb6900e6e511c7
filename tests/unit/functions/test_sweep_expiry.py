"""The sweep reminds people once that a certificate ends, and `scones status` says so by the same rule."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scones import live_threshold
from sweep import expiry
from sweep.expiry import remind
from sweep.images import iso_text
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.stubbed_clients import Refusal, stubbed
from tests.unit.functions.environment import SETTINGS
from tests.unit.functions.sweep_stack import Stack, deployed

NAME = SETTINGS["sweep"]["THRESHOLD_PARAMETER"]
DAY = timedelta(days=1)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as stack:
        yield stack


def apply(stack: Stack, days: float, **more: Any) -> None:
    """Set a certificate that is applied now, for so many days."""
    times = {"since": iso_text(stack.now), "until": iso_text(stack.now + days * DAY)}
    live = {"thresholds": {"default": 0.9}, "certificate": {"model_version": "v1", **times, **more}}
    stack.client("ssm").put_parameter(Name=NAME, Value=json.dumps(live), Type="String", Overwrite=True)


def reminded(stack: Stack, days_later: float = 0) -> bool:
    stack.now += days_later * DAY
    return remind(stack.clients, stack.settings, stack.now)


@pytest.mark.parametrize(("days", "left"), [(30, 7.5), (90, 14), (4, 1)])
def test_people_are_reminded_once_when_little_of_its_life_is_left(
    stack: Stack, days: float, left: float
) -> None:
    apply(stack, days)
    until = iso_text(stack.now + days * DAY)
    assert not reminded(stack)
    assert not reminded(stack, days - left - 0.01)
    assert reminded(stack, 0.01)
    assert not reminded(stack, 0.01)
    assert not reminded(stack, left), "it has ended"
    (alert,) = stack.alerts()
    assert until in alert["reason"]
    assert alert["next_step"].startswith("Do: `scones certify --apply`")


def test_a_renewed_certificate_is_reminded_of_again(stack: Stack) -> None:
    apply(stack, 30)
    assert reminded(stack, 25)
    apply(stack, 30)
    assert [reminded(stack, later) for later in (0, 25, 1)] == [False, True, False]
    assert len(stack.alerts()) == 2


@pytest.mark.parametrize(
    "value", ["0.8", "bicycle=0.9,default=0.8", '{"thresholds": {"default": 0.9}}', "{", "withdrawn"]
)
def test_without_a_valid_certificate_nobody_is_reminded(stack: Stack, value: str) -> None:
    if value == "withdrawn":
        apply(stack, 1, since=iso_text(stack.now - 30 * DAY), withdrawn="another model")
    else:
        stack.client("ssm").put_parameter(Name=NAME, Value=value, Type="String", Overwrite=True)
    assert not reminded(stack)
    assert stack.alerts() == []


def test_a_message_that_could_not_be_sent_is_sent_by_the_next_run(stack: Stack) -> None:
    apply(stack, 30)
    stack.now += 29 * DAY
    sns = stack.clients.sns
    stack.use(sns=stubbed("sns", ("publish", Refusal("AuthorizationError"))))
    with pytest.raises(Exception, match="AuthorizationError"):
        reminded(stack)
    stack.use(sns=sns)
    assert reminded(stack)


def test_the_sweep_reminds(stack: Stack) -> None:
    stack.now = datetime.now(UTC)
    apply(stack, 30, since=iso_text(stack.now - 400 * DAY))
    stack.app.handler({}, FakeLambdaContext())
    assert stack.alerts() == []
    apply(stack, 13, since=iso_text(stack.now - 400 * DAY))
    for event in ({"dry_run": True}, {}, {}):
        stack.app.handler(event, FakeLambdaContext())
    assert len(stack.alerts()) == 1


@pytest.mark.parametrize("left", [-1, 0, 0.5, 1, 7.49, 7.5, 7.51, 13.99, 14, 14.01, 40])
@pytest.mark.parametrize("life", [None, 2, 30, 56, 90])
def test_status_says_so_by_the_same_rule(left: float, life: float | None) -> None:
    now = datetime(2026, 11, 3, 12, tzinfo=UTC)
    until = now + left * DAY
    certificate: dict[str, Any] = {"until": iso_text(until)}
    if life is not None:
        certificate["since"] = iso_text(until - life * DAY)
    said = live_threshold.ends_soon(certificate, now)
    assert (said is not None) is expiry.ends_soon(certificate, now)
    assert live_threshold.ends_soon(certificate | {"withdrawn": "another model"}, now) is None
    assert said is None or (f"ended at {iso_text(until)}" in said) is (left <= 0)
