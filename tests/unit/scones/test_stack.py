"""The outputs of a stack, typed; and a clear line for stacks that are something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest

from scones.connection import Connection
from scones.errors import SconesError
from scones.stack import read_stack

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import FakeCloudFormation


@pytest.fixture
def connection(cloudformation: FakeCloudFormation) -> Connection:
    return Connection(boto3.Session(region_name="us-east-1"), "scones")


def test_read_stack(connection: Connection, outputs: dict[str, str]) -> None:
    outputs["ModelLabels"] = "bicycle, motorcycle,cargo bike"
    stack = read_stack(connection)
    assert stack.image_bucket == "the-image-bucket"
    assert stack.labels == ("bicycle", "motorcycle", "cargo bike")
    assert stack.thresholds.by_label == {"bicycle": 0.8, "motorcycle": 0.8, "cargo bike": 0.8}
    assert stack.incoming_prefix == "incoming/"


def test_every_output_is_needed(
    connection: Connection, cloudformation: FakeCloudFormation, outputs: dict[str, str]
) -> None:
    for name in list(outputs):
        cloudformation.outputs = {key: value for key, value in outputs.items() if key != name}
        with pytest.raises(SconesError, match=rf"not an image triage stack \(no output {name}\)"):
            read_stack(connection)


def test_a_stack_without_outputs(connection: Connection, cloudformation: FakeCloudFormation) -> None:
    cloudformation.outputs = {}
    with pytest.raises(
        SconesError, match=r"stack scones is not an image triage stack \(no output ImageBucketName\)"
    ):
        read_stack(connection)
    cloudformation.status = "CREATE_IN_PROGRESS"
    with pytest.raises(SconesError, match=r"stack scones is not ready \(status CREATE_IN_PROGRESS"):
        read_stack(connection)


def test_a_threshold_that_is_no_number(connection: Connection, outputs: dict[str, str]) -> None:
    outputs["PassThreshold"] = "high"
    with pytest.raises(
        SconesError, match="ConfidenceThreshold of stack scones must be a number from 0 to 1, not 'high'"
    ):
        read_stack(connection)


def test_an_unknown_stack(cloudformation: FakeCloudFormation) -> None:
    session = boto3.Session(region_name="us-east-1")
    with pytest.raises(SconesError, match="no stack named ghost in us-east-1"):
        read_stack(Connection(session, "ghost"))
    with pytest.raises(SconesError, match="the local cloud has no stack named ghost"):
        read_stack(Connection(session, "ghost", endpoint_url="http://127.0.0.1:4566"))
