"""The function's logger and metrics, created once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from classify.errors import EndpointThrottledError

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "classify")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service=SERVICE)


@contextmanager
def measured_call() -> Iterator[None]:
    """
    Record a call of the endpoint: its latency in milliseconds, and 0 or 1 for an error and for a throttle.

    Zeros are recorded too, so that the averages are the shares of failed and of throttled calls.
    """
    started, failed, throttled = perf_counter(), False, False
    try:
        yield
    except EndpointThrottledError as error:
        throttled = True
        logger.warning("endpoint throttled the call", why=str(error))
        raise
    except Exception as error:
        failed = True
        logger.warning("endpoint call failed", error=type(error).__name__, why=str(error))
        raise
    finally:
        metrics.add_metric("EndpointLatency", MetricUnit.Milliseconds, (perf_counter() - started) * 1000)
        metrics.add_metric("EndpointErrors", MetricUnit.Count, int(failed))
        metrics.add_metric("EndpointThrottles", MetricUnit.Count, int(throttled))
