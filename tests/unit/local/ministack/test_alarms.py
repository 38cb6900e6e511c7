"""Alarms of the local cloud go by what CloudWatch's go by."""

from __future__ import annotations

import time
from typing import Any

import pytest
from ministack.services import cloudwatch

from scones.local.ministack import alarms

ALARM: dict[str, Any] = {
    "AlarmName": "slow",
    "Namespace": "Test",
    "MetricName": "Latency",
    "Dimensions": [{"Name": "service", "Value": "one"}],
    "Statistic": "Average",
    "ExtendedStatistic": None,
    "Period": 60,
    "EvaluationPeriods": 3,
    "DatapointsToAlarm": 2,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
    "StateValue": "INSUFFICIENT_DATA",
}


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What alarms tell: from which state to which."""
    changes: list[tuple[str, str]] = []
    monkeypatch.setattr(cloudwatch, "_metrics", {})
    monkeypatch.setattr(cloudwatch, "_record_history", lambda *_: None)
    monkeypatch.setattr(
        cloudwatch, "_dispatch_alarm_actions", lambda _alarm, old, new, _why: changes.append((old, new))
    )
    monkeypatch.setattr(cloudwatch, "_evaluate_parent_alarms", lambda _alarm: None)
    return changes


def put(periods_ago: float, *values: float, service: str = "one") -> None:
    key = ("Test", "Latency", f"service={service}")
    at = time.time() - periods_ago * 60
    cloudwatch._metrics.setdefault(key, []).extend({"Timestamp": at, "Value": value} for value in values)


def state(**properties: Any) -> str:
    alarm = ALARM | properties
    alarms.evaluate(alarm)
    return str(alarm["StateValue"])


def test_it_takes_as_many_periods_as_the_alarm_says(told: list[tuple[str, str]]) -> None:
    put(0.5, 20)
    assert state() == "OK"
    put(2.5, 5, 25)
    assert state() == "ALARM"
    assert state(DatapointsToAlarm=None) == "OK"
    assert told[:2] == [("INSUFFICIENT_DATA", "OK"), ("INSUFFICIENT_DATA", "ALARM")]


def test_other_dimensions_and_older_data_are_not_its_own(told: list[tuple[str, str]]) -> None:
    put(0.5, 99, service="two")
    put(4, 99)
    put(5, 99)
    assert state() == "OK"


def test_a_percentile_is_one(told: list[tuple[str, str]]) -> None:
    put(0.5, *[1.0] * 90, *[50.0] * 10)
    one = {"Statistic": "Average", "EvaluationPeriods": 1, "DatapointsToAlarm": None}
    assert state(**one) == "OK"
    assert state(**one, ExtendedStatistic="p95") == "ALARM"


@pytest.mark.parametrize(
    ("treatment", "before", "after"),
    [
        ("notBreaching", "ALARM", "OK"),
        ("breaching", "OK", "ALARM"),
        ("missing", "OK", "INSUFFICIENT_DATA"),
        ("ignore", "ALARM", "ALARM"),
        ("ignore", "OK", "OK"),
    ],
)
def test_silence_means_what_the_alarm_says(
    told: list[tuple[str, str]], treatment: str, before: str, after: str
) -> None:
    assert state(TreatMissingData=treatment, StateValue=before) == after
    assert told == ([] if before == after else [(before, after)])


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        ("GreaterThanThreshold", {9: "OK", 10: "OK", 11: "ALARM"}),
        ("GreaterThanOrEqualToThreshold", {9: "OK", 10: "ALARM", 11: "ALARM"}),
        ("LessThanThreshold", {9: "ALARM", 10: "OK", 11: "OK"}),
        ("LessThanOrEqualToThreshold", {9: "ALARM", 10: "ALARM", 11: "OK"}),
    ],
)
def test_each_comparison_draws_the_line_where_it_says(
    told: list[tuple[str, str]], operator: str, values: dict[float, str]
) -> None:
    for value, expected in values.items():
        cloudwatch._metrics.clear()
        put(0.5, value)
        found = state(ComparisonOperator=operator, EvaluationPeriods=1, DatapointsToAlarm=None)
        assert found == expected, value
