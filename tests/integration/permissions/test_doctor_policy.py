"""The policy in docs/first-deploy.md is enough for `scones doctor`, and without one of its actions a line says which.

Not shown here: Service Quotas, SageMaker and Lambda's account settings: on a local cloud the doctor does not call them.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from scones.connection import Connection
from scones.doctor.examination import examine_stack
from scones.doctor.findings import Finding, Level
from tests.local_cloud.cloud import LocalCloud

pytestmark = pytest.mark.local_cloud

USER, POLICY = "doctor", "doctor"
CHECKED_BY = {
    "cloudformation:DescribeStacks": "stack",
    "cloudformation:ListStackResources": "stack",
    "cloudwatch:DescribeAlarms": "alarms",
    "dynamodb:DescribeTable": "claims table",
    "events:DescribeRule": "rules",
    "events:ListTargetsByRule": "rules",
    "s3:GetBucketNotification": "bucket's events",
    "sns:ListSubscriptionsByTopic": "alert topic",
    "sqs:GetQueueAttributes": "failed images",
    "ssm:GetParameter": "threshold",
}


@dataclass(frozen=True)
class Doctor:
    """A user with one policy, and what the command finds with its keys."""

    iam: Any
    document: dict[str, Any]
    connection: Connection

    def findings(self, *, without: str | None = None) -> list[Finding]:
        less = json.loads(json.dumps(self.document))
        for statement in less["Statement"]:
            statement["Action"] = [action for action in statement["Action"] if action != without]
        self.iam.put_user_policy(UserName=USER, PolicyName=POLICY, PolicyDocument=json.dumps(less))
        return list(examine_stack(self.connection, lambda _model: []))


@pytest.fixture(scope="module")
def doctor(guarded: LocalCloud, root: Path) -> Iterator[Doctor]:
    iam = guarded.client("iam")
    iam.create_user(UserName=USER)
    key = iam.create_access_key(UserName=USER)["AccessKey"]
    (policy,) = re.findall(r"```json\n(.*?)```", (root / "docs" / "first-deploy.md").read_text(), re.DOTALL)
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    yield Doctor(iam, json.loads(policy), Connection(session, "scones", "", iam.meta.endpoint_url))
    iam.delete_access_key(UserName=USER, AccessKeyId=key["AccessKeyId"])
    iam.delete_user_policy(UserName=USER, PolicyName=POLICY)
    iam.delete_user(UserName=USER)


def test_the_policy_is_enough(doctor: Doctor) -> None:
    found = doctor.findings()
    assert [finding for finding in found if "could not be checked" in finding.message] == []
    assert Level.BROKEN not in {finding.level for finding in found}


@pytest.mark.parametrize("action", CHECKED_BY)
def test_without_one_action_its_check_names_it_and_the_others_are_done(doctor: Doctor, action: str) -> None:
    unchecked = [
        finding for finding in doctor.findings(without=action) if "could not be checked" in finding.message
    ]
    assert CHECKED_BY[action] in {finding.name for finding in unchecked}
    assert {finding.message for finding in unchecked} == {f"could not be checked: needs action {action}"}
    assert {finding.level for finding in unchecked} == {Level.WARNING}
