"""Classify: one small image in, the endpoint's probabilities out."""

import os

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from classify.breaker import Breaker, is_probe
from classify.contract import ClassifyRequest, ClassifyResponse
from classify.errors import (
    EndpointNotFoundError,
    EndpointPausedError,
    EndpointThrottledError,
    EndpointUnavailableError,
    InvalidPredictionError,
)
from classify.observability import logger, measured_call, metrics
from classify.prediction import parse_probabilities, require_labels
from classify.request import image_of
from classify.sagemaker import invoke
from classify.settings import Settings

OF_THE_ENDPOINT = (
    EndpointThrottledError,
    EndpointUnavailableError,
    EndpointNotFoundError,
    InvalidPredictionError,
)
settings = Settings.from_environment(os.environ)
runtime = boto3.client(
    "sagemaker-runtime",
    config=Config(connect_timeout=2, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 2}),
)
# An image waits at most 2 s for an unreachable SSM.
quick = Config(connect_timeout=1, read_timeout=1, retries={"mode": "standard", "total_max_attempts": 1})
breaker = Breaker(lambda: boto3.client("ssm", config=quick), settings.pause_parameter)


@logger.inject_lambda_context(correlation_id_path="execution", clear_state=True, log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: ClassifyRequest, context: LambdaContext) -> ClassifyResponse:  # noqa: ARG001
    """
    Invoke the endpoint with the image and validate its response.

    While the breaker is open only a probe may; one that fails is not retried, so that its image waits with the others.
    """
    logger.append_keys(s3_request_id=event.get("s3_request_id"))
    metrics.add_metadata("correlation_id", event.get("execution"))
    probes = is_probe(event.get("execution"))
    if not probes and (why := breaker.why_open()):
        raise EndpointPausedError(f"the breaker is open: {why}")
    breaker.endpoint_failed = True  # unless it answers
    try:
        answer = _classify(event)
    except OF_THE_ENDPOINT as error:
        if probes:
            raise EndpointPausedError(f"the probe failed: {error}") from error
        raise
    breaker.endpoint_failed = False
    return answer


def _classify(event: ClassifyRequest) -> ClassifyResponse:
    image, content_type = image_of(event)
    with measured_call():
        answer = invoke(runtime, settings.endpoint_name, image, content_type)
        require_labels(answer.model_labels, settings.labels)
        inferences = parse_probabilities(answer.body, settings.labels)
    logger.info("classified", inferences=inferences, variant=answer.variant)
    return {
        "inferences": inferences,
        "endpoint": {
            "name": settings.endpoint_name,
            "variant": answer.variant,
            "model_version": answer.model_version,
        },
    }
