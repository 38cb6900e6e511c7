"""The two rules on uploads: whatever happens to them, one takes every upload, and they end as the pause says."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from breaker.intake_rules import OVERLAP, IntakeRules, States, next_states
from breaker.pause_state import Pause, PauseStateError, parse_pause

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
BOTH, STARTS, HOLDS, NEITHER = (
    States(True, True),
    States(True, False),
    States(False, True),
    States(False, False),
)
STATES = [BOTH, STARTS, HOLDS, NEITHER]


@pytest.mark.parametrize(
    ("paused", "found", "wanted"),
    [
        (True, STARTS, BOTH),
        (True, BOTH, HOLDS),
        (True, HOLDS, HOLDS),
        (True, NEITHER, HOLDS),
        (False, HOLDS, BOTH),
        (False, BOTH, STARTS),
        (False, STARTS, STARTS),
        (False, NEITHER, NEITHER),  # `scones destroy`, or a person
    ],
)
def test_a_run_switches_one_rule_towards_what_the_pause_says(
    paused: bool, found: States, wanted: States
) -> None:
    assert next_states(Pause(paused), NOW, found) == wanted


@pytest.mark.parametrize("paused", [True, False])
def test_no_rule_is_disabled_before_the_other_has_taken_effect(paused: bool) -> None:
    pause = Pause(paused, NOW)
    assert next_states(pause, NOW + OVERLAP - timedelta(seconds=1), BOTH) == BOTH
    assert next_states(pause, NOW + OVERLAP, BOTH) == (HOLDS if paused else STARTS)


@pytest.mark.parametrize(("paused", "found"), list(itertools.product([True, False], STATES)))
def test_a_run_never_leaves_an_upload_without_a_rule_that_had_one(paused: bool, found: States) -> None:
    after = next_states(Pause(paused), NOW, found)
    assert (after.starts or after.holds) or found == NEITHER


@given(
    st.lists(
        st.one_of(
            st.just("minute"),
            st.sampled_from(["pause", "resume", "deploy"]),
        ),
        max_size=30,
    )
)
def test_whatever_people_and_deploys_do_every_upload_is_taken_and_two_minutes_later_all_is_in_order(
    events: list[str],
) -> None:
    """A deploy sets the rules to what the template says; a person's command may be cut off after one write."""
    pause, rules, now = Pause(False), STARTS, NOW
    for event in events:
        match event:
            case "minute":
                now += timedelta(minutes=1)
                rules = next_states(pause, now, rules)
            case "deploy":
                rules = STARTS
            case _:
                pause = Pause(event == "pause", now)
        assert rules.starts or rules.holds
    for _ in range(2):
        now += timedelta(minutes=1)
        rules = next_states(pause, now, rules)
    assert rules == (HOLDS if pause.paused else STARTS)


def test_eventbridge_is_asked_and_one_rule_switched() -> None:
    with mock_aws():
        events = boto3.client("events", region_name="eu-west-1")
        for name, state in (("starts", "ENABLED"), ("holds", "DISABLED")):
            events.put_rule(Name=name, EventPattern="{}", State=state)  # type: ignore[arg-type]
        rules = IntakeRules(events, "starts", "holds")

        said = [rules.switch(Pause(True), NOW) for _ in range(3)]

        assert said == ["+holds", "-starts", None]
        assert [events.describe_rule(Name=name)["State"] for name in ("starts", "holds")] == [
            "DISABLED",
            "ENABLED",
        ]


@pytest.mark.parametrize(
    ("text", "pause"),
    [
        ('{"paused": false}', Pause(False)),
        ('{"paused": true, "at": null, "reason": "x"}', Pause(True)),
        ('{"paused": true, "at": "2026-11-27T18:00:00+00:00"}', Pause(True, NOW)),
    ],
)
def test_a_pause_is_read(text: str, pause: Pause) -> None:
    assert parse_pause(text) == pause


@pytest.mark.parametrize(
    "text",
    ["", "true", "[]", "{", '{"paused": "yes"}', '{"paused": 1}', '{"paused": true, "at": "today"}',
     '{"paused": true, "at": "2026-11-27T18:00:00"}', '{"paused": true, "at": 5}'],
)  # fmt: skip
def test_anything_else_is_refused(text: Any) -> None:
    with pytest.raises(PauseStateError):
        parse_pause(text)
