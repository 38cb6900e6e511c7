"""Executions of the workflow: how one is doing, and a new one."""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from claim import Claim
from decision import GONE
from image import Image, event_of

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


def owner_status(client: "SFNClient", claim: Claim) -> str | None:
    """Return the status of the execution that has an unfinished image; None where it cannot be asked for."""
    if claim.finished or claim.execution is None or not claim.is_standard:
        return None
    try:
        return client.describe_execution(executionArn=claim.execution)["status"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "ExecutionDoesNotExist":
            raise
        return GONE


def start(client: "SFNClient", workflow_arn: str, image: Image, now: datetime) -> str:
    """Start an execution for an image and return its ARN."""
    event = json.dumps(event_of(image, now), ensure_ascii=False)
    return client.start_execution(stateMachineArn=workflow_arn, input=event)["executionArn"]
