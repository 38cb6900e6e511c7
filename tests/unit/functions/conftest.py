"""
Load one function as Lambda does, with its environment.

A function that is a package is on pytest's path, and tests import what they need of it; only its handler is loaded,
because that reads the environment. The flat modules of the others are found in their folder, and leave no trace.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag

from tests.fakes.aws_model import checked_requests

FUNCTIONS = Path(__file__).parents[3] / "functions"
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


def load(name: str, environment: Mapping[str, str] | None = None) -> SimpleNamespace:
    """Import every module of a function (app only with an environment), and leave no trace in sys.modules."""
    folder = FUNCTIONS / name
    if (folder / name / "__init__.py").exists():
        return load_package(name, environment)
    modules = {path.stem for path in folder.glob("*.py")}
    ours = {key: module for key, module in sys.modules.items() if key.split(".")[0] in modules}
    for key in ours:
        del sys.modules[key]
    wanted = modules if environment is not None else modules - {"app", "observability"}
    sys.path.insert(0, str(folder))
    try:
        with mock.patch.dict(os.environ, {**AWS, **(environment or {})}):
            return SimpleNamespace(**{module: importlib.import_module(module) for module in sorted(wanted)})
    finally:
        sys.path.remove(str(folder))
        for key in [key for key in sys.modules if key.split(".")[0] in modules]:
            del sys.modules[key]
        sys.modules.update(ours)


@pytest.fixture(autouse=True)
def requests_fit_awss_models() -> Iterator[None]:
    """Hold every request of every test against AWS's service models; moto checks little of them."""
    with checked_requests() as found:
        yield
    assert found == []


def load_package(name: str, environment: Mapping[str, str] | None) -> SimpleNamespace:
    """Import every module of a function that is a package, its handler anew and only with an environment."""
    names = sorted(path.stem for path in (FUNCTIONS / name / name).glob("[a-z]*.py"))
    modules = {module: importlib.import_module(f"{name}.{module}") for module in names if module != "app"}
    if environment is not None:
        for module in ("observability", "app"):  # what reads the environment when it is imported
            sys.modules.pop(f"{name}.{module}", None)
        with mock.patch.dict(os.environ, {**AWS, **environment}):
            modules["app"] = importlib.import_module(f"{name}.app")
    return SimpleNamespace(**modules)


@pytest.fixture(scope="session")
def serialize() -> Any:
    return load("serialize")


@pytest.fixture(scope="session")
def classify() -> Any:
    return load("classify")


@pytest.fixture(scope="session")
def filter_() -> Any:
    return load("filter")


@pytest.fixture
def load_app(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Load a function with its handler: `load_app("filter", CONFIDENCE_THRESHOLD="0.9")`."""
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
