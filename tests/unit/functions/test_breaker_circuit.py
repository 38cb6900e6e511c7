"""The breaker opens for a share and a count of failures, probes ever more rarely, and closes after an answer alone."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from breaker.circuit import (
    LEAST_FAILURES,
    LONGEST_WAIT,
    PROBE_TIME,
    WINDOW,
    Minute,
    ProbeResult,
    next_pause,
    probe_is_due,
    with_probe,
)
from breaker.endpoint import Endpoint
from breaker.pause_state import (
    Open,
    Pause,
    PauseParameter,
    PauseStateError,
    document_of,
    parse_pause,
)
from scones.pause_state import parse_pause as parse_pause_of_command

NOW = datetime(2026, 11, 27, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUNNING, ANSWERED, FAILED, UNTOLD = ProbeResult


def seen(calls: int, failures: int, at: datetime = NOW - MINUTE) -> list[Minute]:
    return [Minute(at, calls, failures)]


@pytest.mark.parametrize(
    ("minutes", "share", "opens"),
    [
        (seen(40, 20), 0.5, True),
        (seen(41, 20), 0.5, False),  # the share
        (seen(19, 19), 0.5, False),  # the count
        (seen(20, 20), 1.0, True),
        (seen(1000, 999), 1.0, False),
        (seen(20, 20), 0.0, False),  # off
        ([], 0.5, False),
        (seen(10, 10, NOW - MINUTE) + seen(10, 10, NOW - 4 * MINUTE), 0.5, True),  # together
        (seen(20, 20, NOW - WINDOW), 0.5, True),
        (seen(20, 20, NOW - WINDOW - MINUTE), 0.5, False),  # too long ago
    ],
)
def test_it_opens_for_a_share_and_a_count_of_recent_failures(
    minutes: list[Minute], share: float, opens: bool
) -> None:
    after = next_pause(Pause(False), NOW, minutes, None, share)
    assert after.paused == opens
    if opens:
        assert after.at == NOW
        assert after.opened is not None
        assert after.opened.next_probe == NOW + MINUTE


def test_failures_before_the_last_change_do_not_open_it_again() -> None:
    closed = Pause(False, NOW - 2 * MINUTE)
    assert next_pause(closed, NOW, seen(99, 99, NOW - 3 * MINUTE), None, 0.5) == closed
    assert next_pause(closed, NOW, seen(99, 99, NOW - 2 * MINUTE), None, 0.5).paused


@given(st.booleans(), st.integers(0, 999), st.sampled_from([None, *ProbeResult]), st.floats(0, 1))
def test_a_pause_of_a_person_is_never_changed(
    fails: bool, minutes: int, probe: ProbeResult | None, share: float
) -> None:
    pause = Pause(True, NOW)
    now = NOW + minutes * MINUTE
    assert next_pause(pause, now, seen(99, 99 * fails, now), probe, share) == pause
    assert not probe_is_due(pause, now)


def test_probes_that_fail_come_after_1_2_4_and_at_most_30_minutes() -> None:
    now, pause = NOW, next_pause(Pause(False), NOW, seen(99, 99), None, 0.5)
    waits = []
    for _ in range(8):
        assert pause.opened is not None
        waits.append((pause.opened.next_probe - now) // MINUTE)
        now = pause.opened.next_probe
        assert not probe_is_due(pause, now - timedelta(seconds=1))
        assert probe_is_due(pause, now)
        pause = next_pause(with_probe(pause, now, "arn"), now, [], FAILED, 0.5)
    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert pause.at == NOW  # paused since then: the rules must not wait again


def test_one_probe_at_a_time_and_one_that_does_not_end_has_failed() -> None:
    pause = with_probe(Pause(True, NOW, Open("x", NOW)), NOW, "arn")
    assert not probe_is_due(pause, NOW + LONGEST_WAIT)
    just_before = NOW + PROBE_TIME - timedelta(seconds=1)
    assert next_pause(pause, just_before, [], RUNNING, 0.5) == pause
    after = next_pause(pause, NOW + PROBE_TIME, [], RUNNING, 0.5)
    assert after.opened == Open("x", NOW + PROBE_TIME + 2 * MINUTE, failed_probes=1)


def test_an_answer_closes_it_even_if_it_comes_late_and_a_bad_file_only_asks_for_another() -> None:
    pause = with_probe(Pause(True, NOW, Open("x", NOW, failed_probes=3)), NOW, "arn")
    later = NOW + PROBE_TIME
    assert next_pause(pause, later, [], ANSWERED, 0.5) == Pause(False, later)
    again = next_pause(pause, later, [], UNTOLD, 0.5)
    assert again.opened == Open("x", later, failed_probes=3)
    assert probe_is_due(again, later)


def test_turned_off_by_a_deploy_it_closes() -> None:
    assert next_pause(Pause(True, NOW, Open("x", NOW)), NOW, [], None, 0.0) == Pause(False, NOW)


@given(
    st.lists(
        st.tuples(st.sampled_from(["minute", "pause", "resume"]), st.booleans()), min_size=1, max_size=120
    )
)
def test_whatever_people_do_while_an_endpoint_comes_and_goes_the_breaker_keeps_its_promises(
    events: list[tuple[str, bool]],
) -> None:
    """Simulates an endpoint that is up or down each minute, with 100 calls a minute while nothing is held."""
    pause, now = Pause(False, NOW - 60 * MINUTE), NOW
    minutes: list[Minute] = []
    persons, up_of_probe = False, False
    for event, up in events:
        if event != "minute":
            persons, pause = event == "pause", Pause(event == "pause", now)
            continue
        now += MINUTE
        before, probe = pause, pause.opened.probe if pause.opened else None
        result = (ANSWERED if up_of_probe else FAILED) if probe else None
        pause = next_pause(pause, now, minutes, result, 0.5)
        if persons:
            assert pause == before  # never ended by the breaker
        if before.opened and not pause.paused:
            assert result is ANSWERED  # never closed without an answer
        if not before.paused and pause.paused:
            assert pause.opened
            counted = [one for one in minutes if one.start >= max(before.at, now - WINDOW)]
            assert sum(one.failures for one in counted) >= LEAST_FAILURES
        if probe_is_due(pause, now):
            pause, up_of_probe = with_probe(pause, now, "arn"), up
        if not pause.paused:
            minutes.append(Minute(now, 100, 0 if up else 100))
        if pause.opened:
            assert pause.opened.next_probe - now <= LONGEST_WAIT  # it will be tried again
        # What is stored is what was meant, for the breaker and for people.
        if pause.opened or not pause.paused:
            stored = json.dumps(document_of(pause))
            assert parse_pause(stored) == pause
            shown = parse_pause_of_command(stored)
            assert (shown.paused, shown.by) == (pause.paused, "the breaker")


def test_it_opens_within_a_minute_of_data_and_closes_within_a_minute_of_a_probe_that_was_answered() -> None:
    pause = next_pause(Pause(False), NOW, seen(100, 100), None, 0.5)
    for number in itertools.count(1):
        now = NOW + number * MINUTE
        probe = pause.opened.probe if pause.opened else None
        pause = next_pause(pause, now, [], ANSWERED if probe else None, 0.5)
        if probe_is_due(pause, now):
            pause = with_probe(pause, now, "arn")
        if not pause.paused:
            break
    assert number == 2


@pytest.mark.parametrize(
    "breaker",
    [[], "open", {}, {"next_probe": "soon"}, {"next_probe": NOW.isoformat(), "failed_probes": -1},
     {"next_probe": NOW.isoformat(), "probe": 7}, {"next_probe": NOW.isoformat(), "probed_at": "x"}],
)  # fmt: skip
def test_a_state_that_is_none_is_refused(breaker: Any) -> None:
    with pytest.raises(PauseStateError):
        parse_pause(json.dumps({"paused": True, "breaker": breaker}))


def test_a_pause_that_a_person_writes_at_the_same_time_wins() -> None:
    with mock_aws():
        ssm = boto3.client("ssm", region_name="eu-west-1")
        theirs = json.dumps({"paused": True, "reason": "work", "by": "anna"})

        def put(value: str) -> None:
            ssm.put_parameter(Name="Pause-scones", Value=value, Type="String", Overwrite=True)

        put(json.dumps({"paused": False}))
        parameter = PauseParameter(ssm, "Pause-scones")
        _, version = parameter.read()
        assert parameter.write(Pause(True, NOW, Open("x", NOW)), version) == Pause(True, NOW, Open("x", NOW))

        opened, version = parameter.read()
        assert opened == Pause(True, NOW, Open("x", NOW))
        put(theirs)
        assert parameter.write(Pause(False, NOW), version) == parse_pause(theirs)
        assert ssm.get_parameter(Name="Pause-scones")["Parameter"]["Value"] == theirs


class FakeStepFunctions:
    def __init__(self, **execution: Any) -> None:
        self.execution = execution

    def describe_execution(self, **_: str) -> dict[str, Any]:
        return self.execution


@pytest.mark.parametrize(
    ("execution", "result"),
    [
        ({"status": "RUNNING"}, RUNNING),
        ({"status": "SUCCEEDED", "output": '{"outcome": "passed"}'}, ANSWERED),
        ({"status": "SUCCEEDED", "output": '{"outcome": "review"}'}, ANSWERED),
        ({"status": "SUCCEEDED", "output": '{"outcome": "failed"}'}, FAILED),
        ({"status": "SUCCEEDED", "output": '{"outcome": "parked"}'}, FAILED),
        ({"status": "SUCCEEDED", "output": '{"outcome": "rejected"}'}, UNTOLD),
        ({"status": "SUCCEEDED", "output": '{"outcome": "claimed before"}'}, UNTOLD),
        ({"status": "SUCCEEDED"}, UNTOLD),
        ({"status": "FAILED"}, FAILED),
        ({"status": "TIMED_OUT"}, FAILED),
        ({"status": "ABORTED"}, FAILED),
    ],
)
def test_a_probe_is_judged_by_its_execution(execution: dict[str, Any], result: ProbeResult) -> None:
    endpoint = Endpoint(None, FakeStepFunctions(**execution), "Scones/scones")  # type: ignore[arg-type]
    assert endpoint.seen_by("arn") is result


def test_calls_and_failures_come_from_the_metric_that_classify_writes() -> None:
    with mock_aws():
        cloudwatch = boto3.client("cloudwatch", region_name="eu-west-1")
        now = datetime.now(UTC)
        for ago, value in [(1, 1.0), (1, 0.0), (2, 1.0), (30, 1.0)]:
            cloudwatch.put_metric_data(
                Namespace="Scones/scones",
                MetricData=[
                    {
                        "MetricName": "EndpointErrors",
                        "Dimensions": [{"Name": "service", "Value": "classify"}],
                        "Value": value,
                        "Timestamp": now - ago * MINUTE,
                    }
                ],
            )
        found = Endpoint(cloudwatch, None, "Scones/scones").calls(now)  # type: ignore[arg-type]
        assert sorted((one.calls, one.failures) for one in found) == [(1, 1), (2, 1)]
