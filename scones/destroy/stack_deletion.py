"""Deletes a CloudFormation stack, waits until it is gone, and says which resource kept it."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from scones.destroy.errors import NotDestroyedError
from scones.errors import error_code
from scones.stack_resources import NESTED_STACK

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_LOOKS_UNTIL_BEGUN = 5
"""CloudFormation begins a moment after it was asked; until then it shows how an earlier attempt failed."""


def delete_stack(cloudformation: "CloudFormationClient", stack_id: str, pause: Callable[[], None]) -> None:
    """Delete a stack with its nested ones, and wait for it.

    Parameters
    ----------
    cloudformation, stack_id
        The client and the stack's ARN: a name is forgotten once its stack is gone.
    pause
        Called between two looks.

    Raises
    ------
    NotDestroyedError
        When a resource could not be deleted, with CloudFormation's reason.
    """
    cloudformation.delete_stack(StackName=stack_id)
    has_begun, looks = False, 0
    while (stack := _describe(cloudformation, stack_id)) is not None:
        status = stack["StackStatus"]
        if status == "DELETE_FAILED" and (has_begun or looks >= _LOOKS_UNTIL_BEGUN):
            reasons = "; ".join(_failed(cloudformation, stack_id)) or stack.get(
                "StackStatusReason", "no reason"
            )
            message = f"stack {stack['StackName']} could not be deleted: {' '.join(reasons.split())}"
            raise NotDestroyedError(message)
        has_begun = has_begun or status == "DELETE_IN_PROGRESS"
        looks += 1
        pause()


def _describe(cloudformation: "CloudFormationClient", stack_id: str) -> "StackTypeDef | None":
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        (stack,) = cloudformation.describe_stacks(StackName=stack_id)["Stacks"]
    except ClientError as error:
        if error_code(error) != "ValidationError":
            raise
        return None
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def _failed(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[str]:
    """Yield the resources that could not be deleted; of a nested stack, those in it."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for summary in page["StackResourceSummaries"]:
            if summary["ResourceStatus"] != "DELETE_FAILED":
                continue
            name, kind = summary["LogicalResourceId"], summary["ResourceType"]
            if kind == NESTED_STACK:
                yield from _failed(cloudformation, summary.get("PhysicalResourceId", ""))
                continue
            detail = cloudformation.describe_stack_resource(StackName=stack_id, LogicalResourceId=name)
            reason = detail["StackResourceDetail"].get("ResourceStatusReason", "no reason")
            yield f"{name} ({kind}): {reason}"
