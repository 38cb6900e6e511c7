"""A CloudFormation of one stack and those nested in it, whose deletion can fail; moto's needs packages that nothing
else here does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from tests.fakes.aws_clients import client_error

REGION = "us-east-1"


def stack_arn(name: str) -> str:
    return f"arn:aws:cloudformation:{REGION}:123456789012:stack/{name}/1"


@dataclass
class FakeStack:
    """`resources` are (logical id, type, physical id); `undeletable` gives reasons by logical id."""

    name: str
    resources: list[tuple[str, str, str]]
    parameters: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"
    is_protected: bool = False
    undeletable: dict[str, str] = field(default_factory=dict)
    skipped: set[str] = field(default_factory=set)
    statuses: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return stack_arn(self.name)


@dataclass
class FakeStacks:
    """Shows the statuses of a deletion one call after the other, a stale one first if there is one."""

    stacks: list[FakeStack]
    on_delete: Callable[[], None] = lambda: None
    deletions: int = 0
    coming: list[str] = field(default_factory=list)
    meta: Any = field(default_factory=lambda: SimpleNamespace(region_name=REGION))

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        stack = self._find(StackName, "DescribeStacks")
        if stack is self.stacks[0] and self.coming:
            stack.status = self.coming.pop(0)
        return {
            "Stacks": [
                {
                    "StackName": stack.name,
                    "StackId": stack.arn,
                    "StackStatus": stack.status,
                    "EnableTerminationProtection": stack.is_protected,
                    "Parameters": _pairs("Parameter", stack.parameters),
                    "Outputs": _pairs("Output", stack.outputs),
                }
            ]
        }

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803
        root = self._find(StackName, "DeleteStack")
        self.deletions += 1
        self.on_delete()
        for stack in self.stacks:
            for logical_id, _, _ in stack.resources:
                failed = logical_id in stack.undeletable
                skipped = "DELETE_SKIPPED" if logical_id in stack.skipped else "DELETE_COMPLETE"
                stack.statuses[logical_id] = "DELETE_FAILED" if failed else skipped
        failed = any(stack.undeletable for stack in self.stacks)
        self.coming = [root.status, "DELETE_IN_PROGRESS", "DELETE_FAILED" if failed else "DELETE_COMPLETE"]

    def describe_stack_resource(self, *, StackName: str, LogicalResourceId: str) -> dict[str, Any]:  # noqa: N803
        stack = self._find(StackName, "DescribeStackResource")
        return {"StackResourceDetail": {"ResourceStatusReason": stack.undeletable[LogicalResourceId]}}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "list_stack_resources"
        return SimpleNamespace(paginate=self._pages)

    def _pages(self, *, StackName: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        stack = self._find(StackName, "ListStackResources")
        for (
            logical_id,
            kind,
            name,
        ) in stack.resources:  # one page each: callers must not rely on the first page
            status = stack.statuses.get(logical_id, "CREATE_COMPLETE")
            summary = {
                "LogicalResourceId": logical_id,
                "ResourceType": kind,
                "PhysicalResourceId": name,
                "ResourceStatus": status,
            }
            yield {"StackResourceSummaries": [summary]}

    def _find(self, name: str, operation: str) -> FakeStack:
        for stack in self.stacks:
            is_gone = stack.status == "DELETE_COMPLETE"
            if name == stack.arn or (name == stack.name and not is_gone):
                return stack
        raise client_error("ValidationError", 400, f"Stack with id {name} does not exist", operation)


def _pairs(kind: str, values: dict[str, str]) -> list[dict[str, str]]:
    return [{f"{kind}Key": key, f"{kind}Value": value} for key, value in values.items()]
