"""Executions that a verification starts itself, on the alias that the rule uses too, and how they end."""

import json
from typing import TYPE_CHECKING, Any, Final

from scones.verify.verification import Verification

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef

    from scones.connection import Connection
    from scones.stack import Stack

_ENDING_S: Final = 60


def is_express(connection: "Connection", stack: "Stack") -> bool:
    """Tell whether the workflow is EXPRESS: its executions cannot be described ("DescribeExecution")."""
    answer = connection.stepfunctions().describe_state_machine(stateMachineArn=stack.workflow_arn)
    return answer["type"] == "EXPRESS"


def object_event(bucket: str, image: dict[str, Any], request_id: str | None = None) -> dict[str, Any]:
    """Return an event as S3 sends it to EventBridge, from the image part of a result document."""
    optional = {"version-id": image.get("version_id"), "sequencer": image.get("sequencer")}
    one = {name: image[name] for name in ("key", "size", "etag")}
    detail: dict[str, Any] = {
        "bucket": {"name": bucket},
        "object": one | {name: value for name, value in optional.items() if value},
    }
    if request_id:
        detail["request-id"] = request_id
    return {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}


def start(verification: Verification, client: "SFNClient", purpose: str, event: dict[str, Any]) -> str:
    """Start an execution by the alias, and return its ARN."""
    return client.start_execution(
        stateMachineArn=verification.stack.workflow_alias_arn,
        name=verification.names.execution(purpose),
        input=json.dumps(event, ensure_ascii=False),
    )["executionArn"]


def wait_for_end(
    verification: Verification, client: "SFNClient", execution: str
) -> "DescribeExecutionOutputTypeDef | None":
    """Wait until a STANDARD execution has ended; None when it has not in time."""

    def look() -> "DescribeExecutionOutputTypeDef | None":
        try:
            answer = client.describe_execution(executionArn=execution)
        except client.exceptions.ExecutionDoesNotExist:  # one just started may not be seen for a moment
            return None
        return None if answer["status"] == "RUNNING" else answer

    return verification.poll(_ENDING_S, look)
