"""A key of the account's own, put on a running stack with the policy that docs/security.md prints.

The emulator's CloudFormation does not encrypt buckets and topics, and nothing in it asks for the key: that the template
names the key for them, and who may use it, is held by `test_security_page`, `test_who_may` and `test_key_policy`.
"""

import json
from collections.abc import Iterator

import pytest

from tests.integration.permissions.deployed import GuardedStack
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.pictures import picture
from tests.static.key import key_policy
from tests.static.policies import grants, resources

pytestmark = pytest.mark.local_cloud

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.fixture(scope="module")
def keyed(guarded: LocalCloud) -> Iterator[tuple[GuardedStack, str]]:
    """The stack with a key, and the key's ARN."""
    made = guarded.client("kms").create_key(Policy=json.dumps(key_policy()))
    key = made["KeyMetadata"]["Arn"]
    update(guarded, key)
    yield GuardedStack(guarded), key
    update(guarded, "")


def update(cloud: LocalCloud, key: str) -> None:
    """Change the one parameter, as `sam deploy` would."""
    client = cloud.client("cloudformation")
    (stack,) = client.describe_stacks(StackName="scones")["Stacks"]
    others = {each["ParameterKey"] for each in stack["Parameters"]} - {"KmsKeyArn"}
    client.update_stack(
        StackName="scones",
        UsePreviousTemplate=True,
        Capabilities=CAPABILITIES,
        Parameters=[
            {"ParameterKey": "KmsKeyArn", "ParameterValue": key},
            *({"ParameterKey": name, "UsePreviousValue": True} for name in others),
        ],
    )
    waiter = client.get_waiter("stack_update_complete")
    waiter.wait(StackName="scones", WaiterConfig={"Delay": 1, "MaxAttempts": 60})


def test_an_image_gets_its_outcome(keyed: tuple[GuardedStack, str]) -> None:
    cloud = keyed[0].cloud
    before, mark = len(cloud.executions()), keyed[0].log_size
    cloud.put("incoming/keyed/one.png", picture("keyed"))
    cloud.wait_until_idle(before + 1)
    images = {each["image"]["key"]: each["outcome"] for each in cloud.documents().values() if "image" in each}
    assert images["incoming/keyed/one.png"] in {"passed", "review"}
    assert keyed[0].refused_since(mark) == set()


def test_queue_table_and_logs_have_the_key(keyed: tuple[GuardedStack, str]) -> None:
    stack, key = keyed
    queue = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=stack.physical["FailedImages"], AttributeNames=["KmsMasterKeyId"]
    )
    table = stack.cloud.client("dynamodb").describe_table(TableName=stack.physical["ImageClaims"])["Table"]
    groups = stack.cloud.client("logs").describe_log_groups()["logGroups"]
    of_the_stack = {
        stack.physical[name] for name, each in resources().items() if each["Type"] == "AWS::Logs::LogGroup"
    }
    assert queue["Attributes"]["KmsMasterKeyId"] == key
    assert table["SSEDescription"]["KMSMasterKeyArn"] == key
    assert {group.get("kmsKeyId") for group in groups if group["logGroupName"] in of_the_stack} == {key}


def test_whoever_needs_the_key_may_use_this_one(keyed: tuple[GuardedStack, str]) -> None:
    stack, key = keyed
    owners = {grant.owner for grant in grants() if grant.sid == "UseKey"}
    found = {
        owner: [each["Resource"] for each in stack.policy(owner)[0]["Statement"] if each["Sid"] == "UseKey"]
        for owner in owners
    }
    assert found == {owner: [key] for owner in owners}
