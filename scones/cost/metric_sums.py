"""Sums and means of CloudWatch metrics over a period; a metric without data is None, never 0."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import batched
from typing import TYPE_CHECKING, Final, Literal

from scones.errors import SconesError

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricStatTypeDef

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
_QUERIES: Final = 500
"""Of one request (API reference, GetMetricData)."""


@dataclass(frozen=True, slots=True)
class BilledPeriod:
    """From a full hour until now."""

    since: datetime
    until: datetime

    @property
    def hours(self) -> float:
        """Its length."""
        return (self.until - self.since) / HOUR

    def as_document(self) -> dict[str, str]:
        """Return what `scones cost --json` says of it."""
        return {
            "since": self.since.isoformat(timespec="seconds"),
            "until": self.until.isoformat(timespec="seconds"),
        }


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of one resource, and whether its values add up."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: Literal["Sum", "Average"] = "Sum"


def read_metrics(
    cloudwatch: "CloudWatchClient",
    metrics: Mapping[str, Metric],
    period: BilledPeriod,
    step: timedelta = HOUR,
) -> dict[str, float | None]:
    """Read metrics by name: the sum of all steps for Sum, their mean for Average.

    Hourly values are kept for 455 days, finer ones for 63 days at most (API reference, GetMetricData).

    Raises
    ------
    SconesError
        When CloudWatch cannot give all values of a metric: a part of a sum would be too low.
    """
    names = dict(zip((f"m{number}" for number in range(len(metrics))), metrics, strict=True))
    values: dict[str, list[float]] = {name: [] for name in metrics}
    for part in batched(names.items(), _QUERIES, strict=False):
        queries = [_query(key, metrics[name], step) for key, name in part]
        for key, points in _points(cloudwatch, queries, period):
            values[names[key]] += points
    return {name: _joined(metrics[name], points) for name, points in values.items()}


def _query(key: str, metric: Metric, step: timedelta) -> "MetricDataQueryTypeDef":
    metric_stat: MetricStatTypeDef = {
        "Metric": {
            "Namespace": metric.namespace,
            "MetricName": metric.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in metric.dimensions],
        },
        "Period": int(step.total_seconds()),
        "Stat": metric.statistic,
    }
    return {"Id": key, "MetricStat": metric_stat}


def _points(
    cloudwatch: "CloudWatchClient",
    queries: "list[MetricDataQueryTypeDef]",
    period: BilledPeriod,
) -> Iterator[tuple[str, list[float]]]:
    pages = cloudwatch.get_paginator("get_metric_data").paginate(
        MetricDataQueries=queries, StartTime=period.since, EndTime=period.until
    )
    for page in pages:
        for result in page["MetricDataResults"]:
            if result.get("StatusCode") in {"InternalError", "Forbidden"}:
                message = f"CloudWatch did not answer for all metrics ({result['StatusCode']}): try again"
                raise SconesError(message)
            yield result["Id"], list(result["Values"])


def _joined(metric: Metric, points: list[float]) -> float | None:
    if not points:
        return None
    return sum(points) if metric.statistic == "Sum" else sum(points) / len(points)
