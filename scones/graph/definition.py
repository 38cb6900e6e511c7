"""The states of a workflow and the ways between them, read from an Amazon States Language definition."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from scones.errors import SconesError

_SHARED_BY: Final = 3
"""A state that so many others catch their errors with is their common fallback."""

_SERVICES: Final[Mapping[str, str]] = {
    "cloudwatch": "CloudWatch",
    "dynamodb": "DynamoDB",
    "lambda": "Lambda",
    "s3": "S3",
    "sns": "SNS",
    "sqs": "SQS",
    "states": "Step Functions",
}


class Kind(StrEnum):
    """Why one state follows another."""

    NEXT = "next"
    RULE = "rule"
    CATCH = "catch"


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """One state: its type as the definition has it, and the call that a task makes."""

    name: str
    type: str
    call: str
    comment: str


@dataclass(frozen=True, slots=True)
class Way:
    """A way from one state to another; the label is a rule's condition or the errors that are caught."""

    source: str
    target: str
    kind: Kind
    label: str = ""


@dataclass(frozen=True, slots=True)
class Workflow:
    """A definition as a graph, in the order of the definition."""

    comment: str
    start: str
    states: Mapping[str, WorkflowState]
    ways: tuple[Way, ...]

    @classmethod
    def parse(cls, definition: Mapping[str, Any]) -> Self:
        """Read a definition; states inside a Map or Parallel are not drawn.

        Raises
        ------
        ValueError
            When it has no states, or a way leads to a state that it does not have.
        """
        try:
            raw = definition["States"]
            states = {
                name: WorkflowState(name, state["Type"], _call(state), state.get("Comment", ""))
                for name, state in raw.items()
            }
            ways = tuple(way for name, state in raw.items() for way in _ways(name, state))
            start = definition["StartAt"]
        except (KeyError, TypeError, AttributeError) as error:
            message = f"not a workflow definition: {error!r} is missing or malformed"
            raise ValueError(message) from error
        unknown = {start, *(way.target for way in ways)} - states.keys()
        if unknown:
            message = f"not a workflow definition: no state is named {min(unknown)!r}"
            raise ValueError(message)
        return cls(definition.get("Comment", ""), start, states, ways)

    @classmethod
    def parse_text(cls, definition: str) -> Self:
        """Read a definition as Step Functions returns it.

        Raises
        ------
        SconesError
            When it is not one.
        """
        try:
            return cls.parse(json.loads(definition))
        except ValueError as error:
            message = f"the definition cannot be drawn: {error}"
            raise SconesError(message) from error

    @property
    def fallback(self) -> str | None:
        """The state that most tasks catch their errors with, if several share one."""
        caught = Counter(target for _, target in {(way.source, way.target) for way in self._catches()})
        name, count = max(caught.items(), key=lambda item: item[1], default=("", 0))
        return name if count >= _SHARED_BY else None

    @property
    def guarded(self) -> frozenset[str]:
        """The states whose errors go to the fallback."""
        return frozenset(way.source for way in self._catches() if way.target == self.fallback)

    @property
    def drawn_ways(self) -> tuple[Way, ...]:
        """One way for each pair of states, without those to the fallback: they would be most of the picture."""
        found: dict[tuple[str, str], Way] = {}
        for way in self.ways:
            if way.kind is Kind.CATCH and way.target == self.fallback:
                continue
            other = found.setdefault((way.source, way.target), way)
            if other is not way and way.kind is Kind.RULE:
                found[way.source, way.target] = replace(other, label=f"{other.label}, or {way.label}")
        return tuple(found.values())

    def _catches(self) -> Iterator[Way]:
        return (way for way in self.ways if way.kind is Kind.CATCH)


def _ways(name: str, state: Mapping[str, Any]) -> Iterator[Way]:
    if "Next" in state:
        yield Way(name, state["Next"], Kind.NEXT)
    for rule in state.get("Choices", ()):
        yield Way(name, rule["Next"], Kind.RULE, _condition(rule.get("Condition", "")))
    if "Default" in state:
        yield Way(name, state["Default"], Kind.RULE, "otherwise")
    for catcher in state.get("Catch", ()):
        yield Way(name, catcher["Next"], Kind.CATCH, ", ".join(catcher["ErrorEquals"]))


def _condition(expression: str) -> str:
    """Return a JSONata condition without its delimiters and sigils: `outcome = failed`."""
    bare = re.sub(r"^\{%\s*|\s*%\}$", "", expression).replace("!=", "≠")
    return re.sub(r"[$'\"]", "", bare).replace("_", " ")


def _call(state: Mapping[str, Any]) -> str:
    """Return the service and operation of a task: `DynamoDB updateItem`."""
    parts = state.get("Resource", "").split(":::")[-1].removeprefix("aws-sdk:").split(":")
    service, operation = parts[0], parts[-1].split(".")[0]
    return f"{_SERVICES.get(service, service)} {operation}".strip() if len(parts) > 1 else ""
