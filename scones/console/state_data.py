"""Input and output of the states of an execution, without the image that is among them."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

MOST_CHARACTERS: Final = 16 * 1024**2
"""Of a history with its data, which has the image once for each attempt of Classify."""
_LONGEST_TEXT: Final = 1_000
_EVENTS_A_PAGE: Final = 100
_IMAGE: Final = "image_data"


_CALLS: Final[Mapping[str, tuple[str, str]]] = {
    # part of an event: name here, field there
    "stateEnteredEventDetails": ("Input", "input"),
    "taskScheduledEventDetails": ("Call", "parameters"),
    "taskSucceededEventDetails": ("Answer", "output"),
    "stateExitedEventDetails": ("Output", "output"),
}


@dataclass(slots=True)
class StateData:
    """One stay in a state: its input, the last call and its answer, its output, each as JSON; its failed attempts."""

    state: str
    texts: dict[str, str] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class ExecutionData:
    """The states of an execution in order; it is not complete where the history is longer than what was read."""

    states: list[StateData] = field(default_factory=list)
    is_complete: bool = True


def read_execution_data(
    stepfunctions: "SFNClient", execution: str, most_characters: int = MOST_CHARACTERS
) -> ExecutionData:
    """Read the history of a STANDARD execution with its data."""
    found, left = ExecutionData(), most_characters
    for event in _events(stepfunctions, execution):
        left -= _add(found.states, event)
        if left < 0:
            found.is_complete = False
            break
    return found


def _events(stepfunctions: "SFNClient", execution: str) -> "Iterator[HistoryEventTypeDef]":
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution, includeExecutionData=True, PaginationConfig={"PageSize": _EVENTS_A_PAGE}
    )
    return (event for page in pages for event in page["events"])


def _add(states: list[StateData], event: "HistoryEventTypeDef") -> int:
    """Add what an event says; return how long the event is."""
    part, details = next(
        ((name, value) for name, value in event.items() if isinstance(value, dict)), ("", {})
    )
    if part == "stateEnteredEventDetails":
        states.append(StateData(details["name"]))
    if states and part in _CALLS:
        name, of_event = _CALLS[part]
        if text := details.get(of_event):
            states[-1].texts[name] = without_image(text)
    elif states and details.get("error"):
        states[-1].errors.append(f"{details['error']}: {_cause(details.get('cause') or '')}".rstrip(": "))
    return sum(len(value) for value in details.values() if isinstance(value, str))


def without_image(text: str) -> str:
    """Return JSON, indented, without the image and with long texts cut; what is not JSON is cut only."""
    try:
        return json.dumps(_elided(json.loads(text)), indent=2, ensure_ascii=False)
    except ValueError:
        return _cut(text)


def _elided(value: Any) -> Any:  # noqa: ANN401 (JSON)
    match value:
        case dict():
            return {
                name: f"({len(inner):,} characters of the image)"
                if name == _IMAGE and isinstance(inner, str)
                else _elided(inner)
                for name, inner in value.items()
            }
        case list():
            return [_elided(inner) for inner in value]
        case str():
            return _cut(value)
        case _:
            return value


def _cut(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    return f"{text[:_LONGEST_TEXT]} … ({len(text):,} characters)"


def _cause(cause: str) -> str:
    """Return the function's own sentence where Lambda wrapped it in JSON."""
    try:
        return _cut(str(json.loads(cause)["errorMessage"]))
    except (ValueError, KeyError, TypeError):
        return _cut(cause)
