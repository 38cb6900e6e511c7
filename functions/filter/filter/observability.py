"""The function's logger and metrics, created once."""

import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from filter.contract import FilterResponse

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "filter")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service=SERVICE)


def measure(verdict: FilterResponse) -> None:
    """Record a verdict and its confidence, in total and by label; the average of Review is the share of reviews."""
    metrics.add_dimensions(service=SERVICE, label=verdict["label"])
    metrics.add_metric("Confidence", MetricUnit.NoUnit, verdict["confidence"])
    metrics.add_metric("Passed", MetricUnit.Count, int(verdict["passed"]))
    metrics.add_metric("Review", MetricUnit.Count, int(not verdict["passed"]))
