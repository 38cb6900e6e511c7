"""The function's logger and metrics, created once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from serialize.errors import RejectedImageError, StorageUnavailableError

NAMESPACE = os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones")
RELEASE = os.environ.get("RELEASE", "none")
SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "serialize")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=NAMESPACE, service=SERVICE)


@contextmanager
def counted_rejections() -> Iterator[None]:
    """Log and count a rejected upload, in total and by reason: the class of the error."""
    try:
        yield
    except RejectedImageError as error:
        reason = type(error).__name__
        logger.info("rejected", reason=reason, why=str(error))
        metrics.add_dimensions(service=SERVICE, reason=reason)
        metrics.add_metric("Rejected", MetricUnit.Count, 1)
        raise


@contextmanager
def counted_start(execution: str | None) -> Iterator[None]:
    """Count an image for the release that it started on: a deployment's alarm divides its failures by this count.

    Once per image: retries by the workflow are not counted, nor is a request without an execution, by which somebody
    looks at what the model gets. In a separate metrics document, because a dimension of the other metrics would
    multiply them by the releases.
    """
    is_counted = execution is not None
    try:
        yield
    except StorageUnavailableError:
        is_counted = False
        raise
    finally:
        if is_counted:
            with single_metric("Started", MetricUnit.Count, 1, namespace=NAMESPACE) as metric:
                metric.add_dimension("service", SERVICE)
                metric.add_dimension("release", RELEASE)
                metric.add_metadata("correlation_id", execution)
