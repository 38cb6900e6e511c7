"""A workflow's role may do what its states do, and nothing else: the definition says what is needed.

The emulator enforces IAM on what functions call, not on what a workflow's integrations do, so this is held here.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tests.unit.contract.test_security_page import as_list, named, statements

ACTIONS = {
    "lambda:invoke": "lambda:InvokeFunction",
    "dynamodb:updateItem": "dynamodb:UpdateItem",
    "sns:publish": "sns:Publish",
    "aws-sdk:cloudwatch:putMetricData": "cloudwatch:PutMetricData",
    "aws-sdk:s3:putObject": "s3:PutObject",
    "aws-sdk:s3:deleteObject": "s3:DeleteObject",
    "aws-sdk:sfn:startSyncExecution": "states:StartSyncExecution",
    "aws-sdk:sfn:listMapRuns": "states:ListMapRuns",
    "aws-sdk:sfn:describeMapRun": "states:DescribeMapRun",
}
# What a Distributed Map does on its own account (Step Functions guide, "IAM policies for Distributed Map").
OF_A_MAP = {
    "states:StartExecution",
    "states:DescribeExecution",
    "states:StopExecution",
    "s3:ListBucket",
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListMultipartUploadParts",
    "s3:AbortMultipartUpload",
}
NOT_OF_STATES = {"UseKey", "DeliverLogs"}
TARGETS = {
    "SerializeFunction": "Serialize",
    "ClassifyFunction": "Classify",
    "FilterFunction": "Filter",
    "ClaimsTable": "ImageClaims",
    "ReviewTopic": "ReviewTopic",
    "AlertTopic": "AlertTopic",
    "ClassifyImageExpress": "ClassifyImageExpress",
}


@pytest.fixture(scope="module")
def resources(root: Path) -> dict[str, Any]:
    return dict(yaml_parse((root / "template.yaml").read_text())["Resources"])


def all_states(states: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [state["ItemProcessor"]["States"] for state in states.values() if "ItemProcessor" in state]
    return [*states.values(), *(found for part in inner for found in all_states(part))]


def granted(*owners: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for owner in owners
        for statement in statements(owner["Properties"])
        if statement["Sid"] not in NOT_OF_STATES
    ]


@pytest.mark.parametrize(
    ("name", "others"),
    [("ClassifyImage", []), ("ClassifyImageExpress", []), ("Backfill", ["BackfillChildren"])],
)
def test_a_role_may_do_what_its_states_do_and_nothing_else(
    resources: dict[str, Any], root: Path, name: str, others: list[str]
) -> None:
    machine = resources[name]
    definition = json.loads((root / machine["Properties"]["DefinitionUri"]).read_text())
    states = all_states(definition["States"])
    needed = {
        ACTIONS[state["Resource"].removeprefix("arn:aws:states:::")]
        for state in states
        if "Resource" in state
    }
    if any("ItemReader" in state for state in states):
        needed |= OF_A_MAP
    found = granted(machine, *(resources[other] for other in others))
    assert {action for statement in found for action in as_list(statement["Action"])} == needed


@pytest.mark.parametrize("name", ["ClassifyImage", "ClassifyImageExpress", "Backfill"])
def test_every_target_of_a_state_is_a_resource_of_its_role(
    resources: dict[str, Any], root: Path, name: str
) -> None:
    machine = resources[name]
    text = (root / machine["Properties"]["DefinitionUri"]).read_text()
    targets = {TARGETS[used] for used in re.findall(r"\$\{(\w+)\}", text) if used in TARGETS}
    allowed = {named(resource) for one in granted(machine) for resource in as_list(one["Resource"])}
    assert targets <= allowed
    # "*" is where AWS knows no resource: test_security_page says which statements may have it.
    beyond = {
        one for one in allowed - targets - {"*"} if not one.startswith(("ResultsBucket/", "ImageBucket"))
    }
    assert beyond == set()


def test_failures_are_counted_in_the_namespace_of_the_stack_only(resources: dict[str, Any]) -> None:
    machine = resources["ClassifyImage"]
    (count,) = [one for one in granted(machine) if one["Sid"] == "CountFailures"]
    namespace = machine["Properties"]["DefinitionSubstitutions"]["MetricsNamespace"]
    assert count["Condition"] == {"StringEquals": {"cloudwatch:namespace": namespace}}


def test_results_are_written_below_the_four_outcomes_only(resources: dict[str, Any]) -> None:
    (store,) = [one for one in granted(resources["ClassifyImage"]) if one["Sid"] == "StoreResults"]
    assert {named(one) for one in store["Resource"]} == {
        f"ResultsBucket/{outcome}/*" for outcome in ("passed", "review", "rejected", "failed")
    }
