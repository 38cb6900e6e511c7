"""The stack of docs/results.md gets a message for "a passed or reviewed bicycle", and for nothing else."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import boto3
import pytest

from scones.local.address import Address
from tools.transformed import template

pytestmark = pytest.mark.local_cloud


def test_a_rule_of_the_users_own_gets_bicycles_by_whoever_said_so(emulated_aws: Address, root: Path) -> None:
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=emulated_aws.aws_url)  # type: ignore[call-overload]

    s3, sqs, formation = client("s3"), client("sqs"), client("cloudformation")
    s3.create_bucket(Bucket="events-of-results")
    sends = template()["Resources"]["ResultsBucket"]["Properties"]["NotificationConfiguration"]
    assert sends == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": {"Fn::If": ["SendsResultEvents", True, False]}}
    }
    s3.put_bucket_notification_configuration(
        Bucket="events-of-results", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    (shown,) = re.findall(r"```yaml\n(.*?)```", (root / "docs" / "results.md").read_text(), re.DOTALL)
    parameters = [{"ParameterKey": "ResultsBucket", "ParameterValue": "events-of-results"}]
    formation.create_stack(StackName="bicycles", TemplateBody=shown, Parameters=parameters)
    formation.get_waiter("stack_create_complete").wait(
        StackName="bicycles", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    (queue,) = [
        one["PhysicalResourceId"]
        for one in formation.list_stack_resources(StackName="bicycles")["StackResourceSummaries"]
        if one["LogicalResourceId"] == "Bicycles"
    ]

    wanted = ["passed/bicycle/a + b.jpg/e1.json", "reviewed/bicycle/c.jpg/e2.json"]
    others = ["review/a.jpg/e3.json", "passed/motorcycle/a.jpg/e4.json", "labels/2026-11-27/1.json"]
    for key in (*others, *wanted):
        s3.put_object(Bucket="events-of-results", Key=key, Body=b"{}")

    found: list[str] = []
    deadline = time.monotonic() + 30
    while len(found) < len(wanted):
        assert time.monotonic() < deadline, f"only {found}"
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in messages.get("Messages", []):
            found.append(json.loads(message["Body"])["detail"]["object"]["key"])
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(found) == sorted(wanted)
