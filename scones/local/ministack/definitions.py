"""Refuse the state machine definitions that Step Functions refuses.

MiniStack 1.5.33 checks that JSONata expressions parse, in its API only. A definition that deploys here and is refused
by AWS is found by the first user who deploys it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners


def refuse_what_step_functions_refuses() -> None:
    """Check definitions in the API and in CloudFormation."""
    check_expressions = stepfunctions._validate_definition_jsonata
    read_definition = provisioners._sfn_definition

    def validate(definition: Any) -> str | None:
        return check_expressions(definition) or problem_of(definition)

    def read_and_validate(properties: dict[str, Any]) -> Any:
        definition = read_definition(properties)
        if problem := validate(definition):
            raise ValueError(f"Invalid State Machine Definition: '{problem}'")
        return definition

    stepfunctions._validate_definition_jsonata = validate
    provisioners._sfn_definition = read_and_validate


def problem_of(definition: Any) -> str | None:
    """
    Return why Step Functions refuses a definition, or None.

    Sources: Amazon States Language specification ("State names MUST be unique within the scope of the whole state
    machine"), and the Step Functions guide, "ItemReader (Map)" (fields of ReaderConfig).
    """
    try:
        machine = json.loads(definition)
    except (TypeError, ValueError):
        return None  # MiniStack's own check says so
    states = list(_states(machine, ""))
    names = Counter(name for _, name, _ in states)
    for path, name, state in states:
        if names[name] > 1:
            return f"DUPLICATE_STATE_NAME: Duplicate State name: {name} at {path}/{name}"
        reader = (state.get("ItemReader") or {}).get("ReaderConfig") or {}
        if {"InputType", "ManifestType"} <= reader.keys():
            return (
                "SCHEMA_VALIDATION_FAILED: InputType and ManifestType exclude each other "
                f"at {path}/{name}/ItemReader"
            )
    return None


def _states(machine: Any, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, name and definition of each state, nested ones included."""
    for name, state in (machine.get("States") or {}).items():
        yield f"{path}/States", name, state
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])]
        for nested in filter(None, inner):
            yield from _states(nested, f"{path}/States/{name}")
