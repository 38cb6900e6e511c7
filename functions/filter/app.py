"""Filter: probabilities in, a verdict out; not being sure is an outcome, not an error."""

import os

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from contract import FilterRequest, FilterResponse
from observability import logger, metrics
from settings import Settings
from verdict import judge

settings = Settings.from_environment(os.environ)


@logger.inject_lambda_context(correlation_id_path="execution", clear_state=True, log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: FilterRequest, context: LambdaContext) -> FilterResponse:  # noqa: ARG001
    """Decide whether the photo passes or goes to a person."""
    logger.append_keys(s3_request_id=event.get("s3_request_id"))
    verdict = judge(event["inferences"], settings.labels, settings.threshold)
    metrics.add_metric("Passed", MetricUnit.Count, int(verdict["passed"]))
    metrics.add_metric("Review", MetricUnit.Count, int(not verdict["passed"]))
    logger.info("filtered", **verdict)
    return verdict
