"""What Sweep asks of Step Functions, SQS and SNS fits AWS's service models."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from tests.fakes.aws_model import ModelledClient

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WORKFLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:classify"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:classify:1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/failed"
KEYS = ["incoming/a.jpg", "incoming/" + "\N{BICYCLE}" * 253, "incoming/a b+ü%25.png"]


def image(sweep: Any, key: str, version_id: str | None) -> Any:
    return sweep.image.Image("images", key, "e" * 32, version_id, 5, NOW)


@pytest.mark.parametrize("workflow", [WORKFLOW, f"{WORKFLOW}:live", f"{WORKFLOW}:1"])
@pytest.mark.parametrize("version_id", [None, "null"])
@pytest.mark.parametrize("key", KEYS)
def test_an_execution_is_started(sweep: Any, key: str, version_id: str | None, workflow: str) -> None:
    client = ModelledClient("stepfunctions", lambda _operation, _arguments: {"executionArn": EXECUTION})
    assert sweep.execution.start(client, workflow, image(sweep, key, version_id), NOW) == EXECUTION


def test_an_execution_is_asked_for(sweep: Any) -> None:
    client = ModelledClient("stepfunctions", lambda _operation, _arguments: {"status": "RUNNING"})
    claim = SimpleNamespace(finished=False, execution=EXECUTION, is_standard=True)
    assert sweep.execution.owner_status(client, claim) == "RUNNING"


@pytest.mark.parametrize("key", KEYS)
def test_an_image_that_is_given_up_goes_to_the_queue(sweep: Any, key: str) -> None:
    client = ModelledClient("sqs", lambda _operation, _arguments: {})
    sweep.report.hand_over(client, QUEUE, image(sweep, key, None), "started 3 times", NOW)
    assert len(client.requests) == 1


@pytest.mark.parametrize("count", [1, 2, 12_345])
def test_people_are_told_of_images_that_are_given_up(sweep: Any, count: int) -> None:
    client = ModelledClient("sns", lambda _operation, _arguments: {})
    sweep.report.publish(client, TOPIC, [(image(sweep, KEYS[1], "v"), "started 3 times")] * count)
    ((_, arguments),) = client.requests
    # Not in the model: SNS takes 100 ASCII characters and 256 KiB (API reference of Publish).
    assert arguments["Subject"].isascii()
    assert len(arguments["Subject"]) <= 100
    assert len(arguments["Message"].encode()) <= 262_144
