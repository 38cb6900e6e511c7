"""CloudWatch's alarms, as MiniStack 1.5.33 does not evaluate them.

MiniStack merges the metrics of all dimensions, evaluates one long period without missing data, and evaluates only when
somebody puts a metric by hand.
"""

from __future__ import annotations

import functools
import threading
import time
from typing import Any, Final

from ministack.services import cloudwatch

from scones.local.ministack import metric_math
from scones.local.ministack.metrics import measure_queues

EVERY_S: Final = 2
"""CloudWatch evaluates once a minute; on a laptop somebody is waiting."""
_MISSING: Final = {"breaching": True, "notBreaching": False}


def evaluate_like_cloudwatch() -> None:
    """Let alarms go by their own dimensions, periods, data points to alarm and treatment of missing data."""
    cloudwatch._evaluate_alarm = evaluate


def keep_evaluating() -> None:
    """Evaluate every alarm again and again: time passing changes them, and so do metrics that AWS makes itself."""

    def watch() -> None:
        while True:
            time.sleep(EVERY_S)
            measure_queues()
            cloudwatch._evaluate_all_alarms()

    threading.Thread(target=watch, name="alarms", daemon=True).start()


def evaluate(alarm: dict[str, Any]) -> None:
    """Set an alarm to the state that its metric gives, and run the actions of that state."""
    values = _values(alarm, time.time())
    before, state = alarm["StateValue"], _state(alarm, values)
    if state == before:
        return
    reason = f"{alarm['MetricName']} was {values}, the threshold is {alarm['Threshold']:g}"
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def _values(alarm: dict[str, Any], now: float) -> list[float | None]:
    """Return the statistic or the expression of each period, the latest first; None where there is no data."""
    statistic = alarm.get("ExtendedStatistic") or alarm["Statistic"]
    values: list[float | None] = []
    for number in range(alarm["EvaluationPeriods"]):
        end = now - number * alarm["Period"]
        if queries := alarm.get("Metrics"):
            values.append(metric_math.evaluate(queries, functools.partial(_of_query, end=end)))
        else:
            values.append(_statistic(alarm, statistic, end, alarm["Period"]))
    return values


def _of_query(stat: dict[str, Any], end: float) -> float | None:
    return _statistic(stat["Metric"], stat["Stat"], end, int(stat["Period"]))


def _statistic(metric: dict[str, Any], statistic: str, end: float, period_s: int) -> float | None:
    key = cloudwatch._dims_key(cloudwatch._dims_from_list(metric["Dimensions"]))
    points = cloudwatch._metrics.get((metric["Namespace"], metric["MetricName"], key), [])
    period = [point for point in points if end - period_s < point["Timestamp"] <= end]
    stats = cloudwatch._calc_stats(period)
    return cloudwatch._stat_value(stats, statistic, period) if stats else None


def _state(alarm: dict[str, Any], values: list[float | None]) -> str:
    missing = _MISSING.get(alarm["TreatMissingData"])
    breaching = [missing if value is None else _breaches(alarm, value) for value in values]
    if all(one is None for one in breaching):
        return str(alarm["StateValue"]) if alarm["TreatMissingData"] == "ignore" else "INSUFFICIENT_DATA"
    needed = alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"]
    return "ALARM" if breaching.count(True) >= needed else "OK"


def _breaches(alarm: dict[str, Any], value: float) -> bool:
    threshold = alarm["Threshold"]
    return bool(
        {
            "GreaterThanOrEqualToThreshold": value >= threshold,
            "GreaterThanThreshold": value > threshold,
            "LessThanThreshold": value < threshold,
            "LessThanOrEqualToThreshold": value <= threshold,
        }[alarm["ComparisonOperator"]]
    )
