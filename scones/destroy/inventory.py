"""What a stack made: its resources and those of its nested stacks, as CloudFormation lists them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.errors import SconesError
from scones.stack import describe_stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from scones.cloud import Connection

PARAMETERS: Final = frozenset({"EndpointName", "Labels", "ConfidenceThreshold"})
"""What tells an image triage stack from any other. Its outputs are not there when its creation failed."""
NESTED_STACK: Final = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that is there; `name` is its physical id."""

    logical_id: str
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """A stack and its resources; `is_gone` when the stack was deleted before and only what it left is listed."""

    stack: str
    stack_id: str
    is_gone: bool
    parameters: Mapping[str, str]
    resources: tuple[Resource, ...]

    def of(self, kind: str) -> list[Resource]:
        """Return the resources of a CloudFormation type."""
        return [resource for resource in self.resources if resource.type == kind]

    @property
    def account(self) -> str:
        """The AWS account, from arn:aws:cloudformation:<region>:<account>:stack/..."""
        return self.stack_id.split(":")[4]


def take_inventory(connection: "Connection") -> Inventory:
    """List what the stack that a connection names has made.

    Raises
    ------
    SconesError
        When there is no such stack, it is not an image triage stack, it is protected, or it is being changed.
    """
    cloudformation = connection.cloudformation()
    description = describe_stack(connection)
    name, status = description["StackName"], description["StackStatus"]
    parameters = {
        one.get("ParameterKey", ""): one.get("ParameterValue", "")
        for one in description.get("Parameters", [])
    }
    if missing := PARAMETERS - set(parameters):
        message = f"stack {name} is not an image triage stack (no parameter {min(missing)})"
        raise SconesError(message)
    if status.endswith("_IN_PROGRESS") and status != "DELETE_IN_PROGRESS":
        message = f"stack {name} is being changed (status {status}): repeat the command when that has ended"
        raise SconesError(message)
    if description.get("EnableTerminationProtection"):
        message = (
            f"stack {name} is protected against deletion: lift that with `aws cloudformation "
            f"update-termination-protection --no-enable-termination-protection --stack-name {name}`"
        )
        raise SconesError(message)
    stack_id = description["StackId"]
    return Inventory(
        stack=name,
        stack_id=stack_id,
        is_gone=status == "DELETE_COMPLETE",
        parameters=parameters,
        resources=tuple(_list_resources(cloudformation, stack_id)),
    )


def _list_resources(cloudformation: "CloudFormationClient", stack_id: str) -> Iterator[Resource]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack_id):
        for summary in page["StackResourceSummaries"]:
            name = summary.get("PhysicalResourceId")
            if not name or summary["ResourceStatus"] == "DELETE_COMPLETE":
                continue
            yield Resource(summary["LogicalResourceId"], summary["ResourceType"], name)
            if summary["ResourceType"] == NESTED_STACK:
                yield from _list_resources(cloudformation, name)
