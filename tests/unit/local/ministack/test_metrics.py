"""The local cloud makes the metrics that AWS makes: of functions' logs, of executions, of queues."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit
from ministack.services import cloudwatch, lambda_svc, sqs, stepfunctions

from scones.local.ministack import metrics

WORKFLOW = "arn:aws:states:us-east-1:000000000000:stateMachine:classify"


@pytest.fixture(autouse=True)
def stored(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """The points of CloudWatch."""
    points: dict[Any, Any] = {}
    monkeypatch.setattr(cloudwatch, "_metrics", points)
    return points


def values(stored: dict[Any, Any]) -> dict[Any, list[float]]:
    return {key: [point["Value"] for point in points] for key, points in stored.items()}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What functions log; the emulator still writes it."""
    written: list[str] = []
    monkeypatch.setattr(lambda_svc, "_emit_lambda_logs", lambda *arguments, **_: written.append(arguments[2]))
    metrics.read_embedded_metrics()
    return written


def test_powertools_metrics_are_read_out_of_the_log(
    stored: dict[Any, Any], log: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    emitter = Metrics(namespace="Scones/test", service="filter")
    emitter.add_dimensions(service="filter", label="bicycle")
    emitter.add_metric("Review", MetricUnit.Count, 1)
    emitter.add_metric("Review", MetricUnit.Count, 0)
    emitter.flush_metrics()
    text = 'a line of text\n{"message": "filtered"}\n' + capsys.readouterr().out

    lambda_svc._emit_lambda_logs({}, "id", text, False, 12, log_source=None)

    assert log == [text]
    assert values(stored) == {
        ("Scones/test", "Review", "service=filter"): [1, 0],
        ("Scones/test", "Review", "label=bicycle|service=filter"): [1, 0],
    }


def test_a_function_that_logs_nothing_is_no_error(stored: dict[Any, Any], log: list[str]) -> None:
    lambda_svc._emit_lambda_logs({}, "id", "", False, 12, log_source=None)
    assert stored == {}


@pytest.mark.parametrize("qualifier", ["", ":live"])
def test_executions_are_counted_for_their_workflow(
    stored: dict[Any, Any], monkeypatch: pytest.MonkeyPatch, qualifier: str
) -> None:
    published: list[Any] = []
    monkeypatch.setattr(stepfunctions, "_emit_execution_status_event", published.append)
    metrics.count_executions()
    execution = {"stateMachineArn": WORKFLOW + qualifier, "startDate": "2026-11-21T10:00:00.000Z"}

    stepfunctions._emit_execution_status_event(execution | {"status": "RUNNING"})
    ended = execution | {"status": "FAILED", "stopDate": "2026-11-21T10:00:01.500Z"}
    stepfunctions._emit_execution_status_event(ended)

    dimension = f"StateMachineArn={WORKFLOW}"
    assert values(stored) == {
        ("AWS/States", "ExecutionsStarted", dimension): [1],
        ("AWS/States", "ExecutionsFailed", dimension): [1],
        ("AWS/States", "ExecutionTime", dimension): [1500],
    }
    assert len(published) == 2


def test_a_queue_is_as_deep_as_its_visible_messages_are_many(
    stored: dict[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, taken = {"visible_at": time.time() - 1}, {"visible_at": time.time() + 30}
    queues = {
        "a": {"name": "failed", "messages": [waiting, taken, waiting]},
        "b": {"name": "b", "messages": []},
    }
    monkeypatch.setattr(sqs, "_queues", queues)

    metrics.measure_queues()

    assert values(stored) == {("AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName=failed"): [2]}
