"""What Sweep asks of Step Functions, SQS and SNS fits AWS's service models."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sweep.claims import Claim
from sweep.images import Image
from sweep.rescue import hand_over, owner_status, publish, start
from tests.fakes.aws_model import ModelledClient

NOW = datetime(2026, 11, 26, tzinfo=UTC)
WORKFLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:classify"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:classify:1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"
QUEUE = "https://sqs.us-east-1.amazonaws.com/123456789012/failed"
KEYS = ["incoming/a.jpg", "incoming/" + "\N{BICYCLE}" * 253, "incoming/a b+ü%25.png"]


def image(key: str, version_id: str | None) -> Image:
    return Image("images", key, "e" * 32, version_id, 5, NOW)


@pytest.mark.parametrize("workflow", [WORKFLOW, f"{WORKFLOW}:live", f"{WORKFLOW}:1"])
@pytest.mark.parametrize("version_id", [None, "null"])
@pytest.mark.parametrize("key", KEYS)
def test_an_execution_is_started(key: str, version_id: str | None, workflow: str) -> None:
    client: Any = ModelledClient("stepfunctions", lambda _operation, _arguments: {"executionArn": EXECUTION})
    assert start(client, workflow, image(key, version_id)) == EXECUTION


def test_an_execution_is_asked_for() -> None:
    client: Any = ModelledClient("stepfunctions", lambda _operation, _arguments: {"status": "RUNNING"})
    assert owner_status(client, Claim(execution=EXECUTION)) == "RUNNING"


@pytest.mark.parametrize("key", KEYS)
def test_an_image_that_is_given_up_goes_to_the_queue(key: str) -> None:
    client: Any = ModelledClient("sqs", lambda _operation, _arguments: {})
    hand_over(client, QUEUE, image(key, None), "started 3 times")
    assert len(client.requests) == 1


@pytest.mark.parametrize("count", [1, 2, 12_345])
def test_people_are_told_of_images_that_are_given_up(count: int) -> None:
    client: Any = ModelledClient("sns", lambda _operation, _arguments: {})
    publish(client, TOPIC, [(image(KEYS[1], "v"), "started 3 times")] * count)
    ((_, arguments),) = client.requests
    # Not in the model: SNS takes 100 ASCII characters and 256 KiB (API reference of Publish).
    assert arguments["Subject"].isascii()
    assert len(arguments["Subject"]) <= 100
    assert len(arguments["Message"].encode()) <= 262_144
