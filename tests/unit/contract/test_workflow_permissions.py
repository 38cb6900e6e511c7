"""A workflow's role may do what its states do, and nothing else: the definition says what is needed.

On what it may do it is in `test_who_may`; the effect of a missing permission, in tests/integration/permissions.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from scones.local.ministack.permissions import INTEGRATIONS
from tests.static.policies import grants

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
NOT_OF_STATES = {"UseKey", "DeliverLogs", "Trace"}


def all_states(states: dict[str, Any]) -> list[dict[str, Any]]:
    inner = [state["ItemProcessor"]["States"] for state in states.values() if "ItemProcessor" in state]
    return [*states.values(), *(found for part in inner for found in all_states(part))]


@pytest.mark.parametrize(
    ("definition", "owners"),
    [
        ("classify_image", {"ClassifyImageRole"}),
        ("backfill", {"BackfillRole", "BackfillChildren"}),
        ("record_decision", {"RecordDecisionRole"}),
    ],
)
def test_a_role_may_do_what_its_states_do_and_nothing_else(
    root: Path, definition: str, owners: set[str]
) -> None:
    text = (root / "statemachine" / f"{definition}.asl.json").read_text()
    states = all_states(json.loads(text)["States"])
    needed = {
        INTEGRATIONS[state["Resource"].removeprefix("arn:${Partition}:states:::")][0]
        for state in states
        if "Resource" in state
    }
    if "s3:GetObject" in needed:
        needed.add("s3:ListBucket")  # else S3 answers 403 for an object that does not exist
    if any("ItemReader" in state for state in states):
        needed |= OF_A_MAP
    found = {grant.action for grant in grants() if grant.owner in owners and grant.sid not in NOT_OF_STATES}
    assert found == needed
