"""The logger and the metrics of this function, made once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "classify")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service=SERVICE)


@contextmanager
def latency(name: str) -> Iterator[None]:
    """Record how many milliseconds the block took, whether it failed or not."""
    started = perf_counter()
    try:
        yield
    finally:
        metrics.add_metric(name, MetricUnit.Milliseconds, (perf_counter() - started) * 1000)
