"""The resources of a stack and of those nested in it, as CloudFormation lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NESTED_STACK: Final = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is there; `name` is its physical id."""

    logical_id: str
    type: str
    name: str


def list_resources(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[Resource]:
    """List what a stack has made and not deleted, each nested stack followed by its own resources."""
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for summary in page["StackResourceSummaries"]:
            name = summary.get("PhysicalResourceId")
            if not name or summary["ResourceStatus"] == "DELETE_COMPLETE":
                continue
            yield Resource(summary["LogicalResourceId"], summary["ResourceType"], name)
            if summary["ResourceType"] == NESTED_STACK:
                yield from list_resources(cloudformation, name)
