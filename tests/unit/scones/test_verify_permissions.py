"""docs/security.md lists what `scones verify` may do: every request that it makes, and nothing else."""

import re

import pytest

from tests.static.verify_permissions import needed
from tests.unit.scones.fake_stack import FakeCloudFormation, Scones
from tests.unit.scones.verifiable import VerifiableStack, stack_in_place, verified, watched_calls

# Where the action is not named like the request.
ACTIONS = {
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
}
# "DeleteObjects" in S3's API reference: the first always, the second for a version.
DELETE_VERSIONS = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
# What the stack in moto does for itself.
OF_THE_STACK = {
    *("sns:Publish", "dynamodb:PutItem", "logs:PutLogEvents", "cloudwatch:PutMetricData"),
}


@pytest.fixture
def stack(
    aws: None, outputs: dict[str, str], cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> VerifiableStack:
    return stack_in_place(outputs, cloudformation, monkeypatch)


def test_the_list_is_what_the_command_asks_for(scones: Scones, stack: VerifiableStack) -> None:
    with watched_calls() as made:
        verified(scones, "--failed", "--yes")
    assert "s3:DeleteObjects" in made
    made = made - {"s3:DeleteObjects"} | DELETE_VERSIONS
    asked = {ACTIONS.get(call, call) for call in made} | stack.called | {"cloudformation:DescribeStacks"}
    assert {action for actions, _ in needed() for action in actions} == asked - OF_THE_STACK


def test_no_row_gives_more_than_the_folder_of_verifications() -> None:
    for actions, resources in needed():
        if any(re.match(r"s3:(Put|Get|Delete)Object", action) for action in actions):
            assert all("/scones-verify/" in resource for resource in resources)
        if "sqs:CreateQueue" in actions:
            assert resources == ["sqs:scones-verify-*"]
