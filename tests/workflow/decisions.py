"""A decision about an image of the workflow tests, and "Record decision" on the emulated AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.static.definitions import text_of
from tests.workflow.harness import Workflow

AT = "2026-11-27T09:00:00.000Z"

type Recording = Callable[[dict[str, Any]], dict[str, Any]]


def recording(workflow: Workflow) -> Recording:
    """Create "Record decision"; return what runs it for an image to its end."""
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


def decide(workflow: Workflow, image: dict[str, Any], label: str = "motorcycle") -> None:
    """Write a decision as a reviewer does."""
    record = {"id": "1" * 32, "label": label, "by": "arn:aws:iam::000000000000:user/kim", "at": AT}
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
