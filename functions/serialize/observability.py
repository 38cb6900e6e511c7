"""The logger and the metrics of this function, made once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from errors import RejectedImageError

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "serialize")

logger = Logger(service=SERVICE)
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "Scones"), service=SERVICE)


@contextmanager
def counted_rejections() -> Iterator[None]:
    """Log and count an upload that is rejected, over all and by reason: the class of the error."""
    try:
        yield
    except RejectedImageError as error:
        reason = type(error).__name__
        logger.info("rejected", reason=reason, why=str(error))
        metrics.add_dimensions(service=SERVICE, reason=reason)
        metrics.add_metric("Rejected", MetricUnit.Count, 1)
        raise
