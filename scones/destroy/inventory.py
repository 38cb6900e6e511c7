"""What a stack made, as a destroy needs to know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.errors import SconesError
from scones.stack import describe_stack
from scones.stack_resources import Resource, list_resources

if TYPE_CHECKING:
    from scones.connection import Connection

PARAMETERS: Final = frozenset({"EndpointName", "Labels", "ConfidenceThreshold"})
"""What tells an image triage stack from any other. Its outputs are not there when its creation failed."""


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
        resources=tuple(list_resources(cloudformation, stack_id)),
    )
