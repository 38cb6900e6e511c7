"""An execution with scripted answers: what both workflow engines and both readers of JSONata are given."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import Any

from tests.static.definitions import MACHINES, filled, states
from tests.support import ROOT

type Answer = dict[str, Any]


def returns(value: Any) -> list[Answer]:
    return [{"Return": value}]


def fails(error: str, cause: str | None = "because") -> list[Answer]:
    return [{"Throw": {"Error": error} | ({} if cause is None else {"Cause": cause})}]


@dataclass(frozen=True)
class Scenario:
    """A machine, its input, and what each Task state is answered: the last answer stands for all later attempts."""

    name: str
    machine: str
    input: Any
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    def answer(self, state: str, attempt: int) -> Answer:
        listed = self.answers[state]
        return listed[min(attempt, len(listed) - 1)]


@functools.cache
def machines() -> dict[str, dict[str, Any]]:
    """Return the definitions, and each map's item processor as a separate state machine."""
    found: dict[str, dict[str, Any]] = {}
    for name in MACHINES:
        found[name] = filled(name)
        for state, definition in states(found[name]):
            if "ItemProcessor" in definition:
                language = found[name].get("QueryLanguage", "JSONPath")
                found[f"{name}: {state}"] = {"QueryLanguage": language} | definition["ItemProcessor"]
    return found


def expressions(value: Any) -> set[str]:
    """Return the JSONata expressions of a definition, as they stand between the marks."""
    match value:
        case str() if value.startswith("{%") and value.endswith("%}"):
            return {value[2:-2].strip()}
        case dict():
            return {found for part in value.values() for found in expressions(part)}
        case list():
            return {found for part in value for found in expressions(part)}
    return set()


def uploaded(key: str = "incoming/bicycle.jpg", *absent: str, redrive: bool = False, **object_: Any) -> Any:
    """Return the event of an upload, with these fields of its object, and without those that are named."""
    event = json.loads((ROOT / "events" / "s3_object_created.json").read_text())
    event["detail"]["object"] |= {"key": key} | object_
    for name in absent:
        for place in (event, event["detail"], event["detail"]["object"]):
            place.pop(name, None)
    return event | {"redrive": True} if redrive else event
