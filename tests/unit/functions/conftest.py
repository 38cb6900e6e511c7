"""The environment of each function, and its handler loaded with it."""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag

from tests.fakes.aws_model import checked_requests

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}

# What the template sets for each function.
SETTINGS = {
    "serialize": {"MODEL_INPUT_SIZE": "32", "MAX_OBJECT_BYTES": "26214400", "MAX_PIXELS": "50331648"},
    "classify": {"ENDPOINT_NAME": "scones", "LABELS": "bicycle,motorcycle"},
    "filter": {"LABELS": "bicycle,motorcycle", "CONFIDENCE_THRESHOLD": "0.8"},
    "sweep": {
        "IMAGE_BUCKET": "images",
        "INCOMING_PREFIX": "incoming/",
        "CLAIMS_TABLE": "claims",
        "WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:classify",
        "ALERT_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:alerts",
        "FAILED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/failed",
        "SWEEP_MINUTES": "30",
        "SWEEP_DAYS": "14",
        "SWEEP_ATTEMPTS": "3",
        "MAX_STARTS_PER_RUN": "1000",
        "CLAIM_DAYS": "0",
        "RESULT_DAYS": "0",
    },
}


def load(name: str, environment: Mapping[str, str]) -> Any:
    """Import a function's handler anew: it and the logger beside it read the environment when they are imported."""
    with mock.patch.dict(os.environ, AWS | environment):
        importlib.reload(importlib.import_module(f"{name}.observability"))
        app = sys.modules.get(f"{name}.app")
        return importlib.reload(app) if app else importlib.import_module(f"{name}.app")


@pytest.fixture(autouse=True)
def requests_fit_awss_models() -> Iterator[None]:
    """Hold every request of every test against AWS's service models; moto checks little of them."""
    with checked_requests() as found:
        yield
    assert found == []


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Import a function's `app` with an environment: `load_app("filter", CONFIDENCE_THRESHOLD="0.9")`."""
    for name in [name for name in os.environ if name.startswith(("POWERTOOLS_", "AWS_"))]:
        monkeypatch.delenv(name)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    reset_cold_start_flag()  # type: ignore[no-untyped-call]

    def loader(name: str, **environment: str) -> Any:
        # A logger of an earlier load would still write to the standard output of its test.
        logging.Logger.manager.loggerDict.pop(name, None)
        return load(name, SETTINGS[name] | environment)

    return loader


@pytest.fixture
def stack() -> Iterator[Any]:
    """Sweep on a bucket, a table, a queue and a topic: `tests.unit.functions.sweep_stack.Stack`."""
    from tests.unit.functions.sweep_stack import deployed

    with deployed() as stack:
        yield stack
