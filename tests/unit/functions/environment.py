"""The environment of each function, and its handler loaded with it."""

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any
from unittest import mock

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


# What the template sets for each function.
SETTINGS = {
    "serialize": {"MODEL_INPUT_SIZE": "64", "MAX_OBJECT_BYTES": "26214400", "MAX_PIXELS": "50331648"},
    "classify": {"ENDPOINT_NAME": "scones", "LABELS": "bicycle,motorcycle"},
    "filter": {"LABELS": "bicycle,motorcycle", "CONFIDENCE_THRESHOLD": "0.8"},
    "sweep": {
        "IMAGE_BUCKET": "images",
        "IMAGE_PATTERN": "incoming/*",
        "CLAIMS_TABLE": "claims",
        "WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:classify",
        "RECORD_DECISION_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:record",
        "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
        "FAILED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/failed",
        "THRESHOLD_PARAMETER": "ConfidenceThreshold-scones",
        "CERTIFICATE_CHECK": "CertificateCheck-scones",
        "PAUSE_PARAMETER": "Pause-scones",
        "ENDPOINT_NAME": "scones",
        "SWEEP_MINUTES": "30",
        "SWEEP_DAYS": "14",
        "SWEEP_ATTEMPTS": "3",
        "MAX_STARTS_PER_RUN": "1000",
        "CLAIM_DAYS": "0",
        "AUDIT_SHARE": "0",
        "AUDIT_DAYS": "14",
        "PROMISED_ERROR": "0",
        "WATCH_FALSE_ALARMS": "0.05",
        "WATCH_ACTION": "notify",
        "RESULT_DAYS": "0",
    },
    "breaker": {
        "PAUSE_PARAMETER": "Pause-scones",
        "UPLOAD_RULE": "scones-ImageDropped",
        "HOLD_RULE": "scones-ImageHeld",
        "HELD_IMAGES_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/held",
        "WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:classify:live",
        "DRAIN_PER_SECOND": "20",
        "FAILED_IMAGES_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/failed",
        "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
        "STACK": "scones",
        "POWERTOOLS_METRICS_NAMESPACE": "Scones/scones",
        "BREAKER_SHARE": "0.5",
    },
}


def load(name: str, environment: Mapping[str, str]) -> Any:
    """Import a function's handler anew: it and the logger beside it read the environment when they are imported."""
    with mock.patch.dict(os.environ, AWS | dict(environment)):
        importlib.reload(importlib.import_module(f"{name}.observability"))
        app = sys.modules.get(f"{name}.app")
        return importlib.reload(app) if app else importlib.import_module(f"{name}.app")
