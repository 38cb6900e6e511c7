"""Alarms on expressions behave in the emulator as on AWS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ministack.services.cloudformation import provisioners
from samcli.yamlhelper import yaml_parse

from scones.local.ministack import metric_math


@pytest.fixture
def release_alarm(root: Path) -> list[dict[str, Any]]:
    template = yaml_parse((root / "monitoring" / "template.yaml").read_text())
    return list(template["Resources"]["ReleaseFails"]["Properties"]["Metrics"])


def share(queries: list[dict[str, Any]], **known: float) -> float | None:
    """What the alarm of a release compares with its threshold, given the metrics by their ids; others have no data."""
    ids = {id(query["MetricStat"]): query["Id"] for query in queries if "MetricStat" in query}
    return metric_math.evaluate(queries, lambda stat: known.get(ids[id(stat)]))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, None),
        ({"started": 100}, None),
        ({"started": 19, "failed": 19}, 0),
        ({"started": 20, "failed": 1}, 0.05),
        ({"started": 20, "failed": 2}, 0.1),
        ({"started": 100, "seen": 6}, 0.06),
        ({"started": 100, "failed": 3, "seen": 3}, 0.06),
        # What dies before Serialize has not started there.
        ({"seen": 20}, 1),
        ({"started": 10, "failed": 1, "seen": 20}, 1),
        # EXPRESS has no events, and STANDARD may have both: an execution dies once.
        ({"started": 100, "dead": 6, "late": 1}, 0.07),
        ({"started": 100, "seen": 6, "dead": 6}, 0.06),
    ],
)
def test_the_share_of_a_release_that_failed(
    release_alarm: list[dict[str, Any]], known: dict[str, float], expected: float | None
) -> None:
    assert share(release_alarm, **known) == (None if expected is None else pytest.approx(expected))


def test_one_failed_image_rolls_no_release_back_and_two_of_twenty_do(
    root: Path, release_alarm: list[dict[str, Any]]
) -> None:
    template = yaml_parse((root / "monitoring" / "template.yaml").read_text())
    threshold = template["Resources"]["ReleaseFails"]["Properties"]["Threshold"]
    one, two = (share(release_alarm, started=20, failed=failed) for failed in (1, 2))
    assert one is not None
    assert two is not None
    assert one <= threshold < two


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(a)", "a ** 2", "SUM(a)", "missing_function"])
def test_an_expression_that_cannot_be_evaluated_is_refused_with_the_template(
    monkeypatch: pytest.MonkeyPatch, expression: str
) -> None:
    monkeypatch.setattr(provisioners, "_cw_metric_alarm_record", lambda name, _: {"AlarmName": name})
    metric_math.add_to_cloudformation()
    stat = {"Metric": {"Namespace": "N", "MetricName": "M"}, "Period": 60, "Stat": "Sum"}
    queries = [
        {"Id": "e", "Expression": expression},
        {"Id": "a", "MetricStat": stat, "ReturnData": False},
    ]
    with pytest.raises((ValueError, KeyError)):
        provisioners._cw_metric_alarm_record("alarm", {"Metrics": queries})


def test_no_division_by_nothing() -> None:
    queries: list[dict[str, Any]] = [
        {"Id": "e", "Expression": "a / b"},
        {"Id": "a", "MetricStat": {"is": 1.0}, "ReturnData": False},
        {"Id": "b", "MetricStat": {"is": 0.0}, "ReturnData": False},
    ]
    assert metric_math.evaluate(queries, lambda stat: stat["is"]) is None
