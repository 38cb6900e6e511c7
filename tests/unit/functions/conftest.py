"""The environment of each function, and its handler loaded with it."""

import logging
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag

from tests.fakes.aws_model import checked_requests
from tests.unit.functions.environment import AWS, SETTINGS, load


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
