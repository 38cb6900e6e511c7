"""Serialize: one S3 object in, one small image for the model out."""

import os

import boto3
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from serialize.contract import SerializeRequest, SerializeResponse
from serialize.image import serialize_image
from serialize.observability import counted_rejections, counted_start, logger, metrics
from serialize.settings import Settings
from serialize.storage import read_object

settings = Settings.from_environment(os.environ)
s3 = boto3.client(
    "s3",
    config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}),
)


@logger.inject_lambda_context(correlation_id_path="execution", clear_state=True, log_event=False)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: SerializeRequest, context: LambdaContext) -> SerializeResponse:  # noqa: ARG001
    """Read the object version of the event and shrink it to what the model needs."""
    logger.append_keys(s3_request_id=event.get("s3_request_id"))
    metrics.add_metadata("correlation_id", event.get("execution"))
    metrics.add_metric("ObjectBytes", MetricUnit.Bytes, event["size"])
    with counted_start(event.get("execution")), counted_rejections():
        data = read_object(s3, event, settings.max_object_bytes)
        image = serialize_image(data, settings.model_input_size, settings.max_pixels)
    metrics.add_metric("ImageDataBytes", MetricUnit.Bytes, len(image["image_data"]))
    logger.info("serialized", key=event["key"], original=image["original"])
    return image
