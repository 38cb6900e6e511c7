"""A person's decision, recorded by "Record decision", is taken over by no execution of the workflow."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.static.definitions import text_of
from tests.workflow.harness import CLASSIFIED, FUNCTIONS, UNSURE, Run, Workflow, returns

pytestmark = pytest.mark.local_cloud

AT = "2026-11-27T09:00:00.000Z"
OTHER = CLASSIFIED | {"inferences": [0.01, 0.99]}


@pytest.fixture
def image() -> dict[str, Any]:
    return {"key": f"incoming/{uuid.uuid4()}.jpg", "etag": uuid.uuid4().hex}


@pytest.fixture(scope="module")
def record(workflow: Workflow) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Run "Record decision" for an image to its end."""
    machines = workflow.client("stepfunctions")
    values = workflow.names | {"ImageBucket": "images"}
    definition = re.sub(r"\$\{(\w+)\}", lambda name: values[name[1]], text_of("record_decision.asl.json"))
    role = "arn:aws:iam::000000000000:role/workflow"
    made = machines.create_state_machine(name="record-decision", definition=definition, roleArn=role)

    def run(image: dict[str, Any]) -> dict[str, Any]:
        given = json.dumps({"image_key": image["key"], "etag": image["etag"]})
        started = machines.start_execution(stateMachineArn=made["stateMachineArn"], input=given)
        return workflow._wait(machines, started["executionArn"])

    return run


def decide(workflow: Workflow, image: dict[str, Any]) -> None:
    """Write a decision as a reviewer does."""
    record = {"id": "1" * 32, "label": "motorcycle", "by": "arn:aws:iam::000000000000:user/kim", "at": AT}
    one = {name: {"S": value} for name, value in record.items()} | {"took_ms": {"N": "900"}}
    shard = workflow.claim(**image)["state_shard"].replace("person#", "record#")
    workflow.client("dynamodb").update_item(
        TableName="claims",
        Key={"image_key": {"S": image["key"]}, "etag": {"S": image["etag"]}},
        ConditionExpression="begins_with(state_shard, :person) AND attribute_not_exists(decision)",
        UpdateExpression="SET decision = :id, decisions = :decisions, state_shard = :shard, state_since = :at",
        ExpressionAttributeValues={
            ":id": one["id"],
            ":decisions": {"L": [{"M": one}]},
            ":shard": {"S": shard},
            ":person": {"S": "person#"},
            ":at": {"S": AT},
        },
    )


def did_nothing(run: Run) -> bool:
    return run.status == "SUCCEEDED" and not any(run.attempts[name] for name in FUNCTIONS)


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "not recorded yet"])
@pytest.mark.parametrize(
    "again",
    [
        {"sequencer": "0B"},
        {"sequencer": "0B", "redrive": True},
        {"sequencer": None},
        {"sequencer": None, "redrive": True},
    ],
    ids=["the same bytes uploaded again", "redrive", "backfill", "sweep"],
)
def test_a_decided_image_stays_as_it_is(
    workflow: Workflow,
    record: Callable[[dict[str, Any]], dict[str, Any]],
    image: dict[str, Any],
    again: dict[str, Any],
    *,
    recorded: bool,
) -> None:
    workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    decide(workflow, image)
    if recorded:
        assert record(image)["status"] == "SUCCEEDED"
    claim, documents = workflow.claim(**image), workflow._documents("results", f"/{image['etag']}.json")
    assert claim["outcome"] == ("reviewed" if recorded else "review")

    run = workflow.run(**image, classify=returns(OTHER), **again)

    assert did_nothing(run)
    assert (run.claim, run.results) == (claim, documents)
    if not recorded:
        assert record(image)["status"] == "SUCCEEDED"
    (key,) = workflow._documents("results", f"/{image['etag']}.json")
    assert key.startswith("reviewed/motorcycle/")


def test_an_image_that_an_execution_has_claimed_again_cannot_be_decided(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    workflow.run(**image, sequencer="0B", ResultsBucket="no-such-bucket")

    client = workflow.client("dynamodb")
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        decide(workflow, image)
