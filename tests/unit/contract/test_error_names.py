"""Step Functions matches errors by the names of their classes: the functions and the workflow use the same ones."""

import ast
import importlib
import json
import pkgutil
import re
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from serialize.errors import RejectedImageError
from tests.static.definitions import states as all_states


class Ends(StrEnum):
    """How the workflow answers an error."""

    POISON = "never retried, rejected"
    TRANSIENT = "retried for hours, then failed"
    ABSENT = "retried for minutes, because its cause may still be created, then failed"
    PARKED = "never retried; the claim stays open, and the image waits among those that are held"
    PERMANENT = "never retried, failed"
    INSIDE = "a base class, or caught by the function itself: the workflow never sees it"


# A class that is missing here, or of another name, fails: each new one is a decision about the workflow.
ERRORS = {
    "serialize": {
        "RejectedImageError": Ends.INSIDE,
        "UnsupportedImageError": Ends.POISON,
        "ImageArchivedError": Ends.POISON,
        "CorruptImageError": Ends.POISON,
        "ImageTooLargeError": Ends.POISON,
        "ImageNotFoundError": Ends.POISON,
        "StorageUnavailableError": Ends.TRANSIENT,
    },
    "classify": {
        "EndpointThrottledError": Ends.TRANSIENT,
        "EndpointUnavailableError": Ends.TRANSIENT,
        "EndpointPausedError": Ends.PARKED,
        "EndpointNotFoundError": Ends.ABSENT,
        "InvalidPredictionError": Ends.PERMANENT,
        "InvalidRequestError": Ends.PERMANENT,
    },
    "filter": {
        "InvalidPredictionError": Ends.PERMANENT,
        "StoreUnavailableError": Ends.INSIDE,
        "_TransientError": Ends.INSIDE,
    },
}
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
NOTHING = "NothingOnExpress"
"""What stands in a list of errors for none at all."""


@pytest.fixture(scope="module")
def states(root: Path) -> dict[str, dict[str, Any]]:
    """The states that invoke a function, by its name."""
    definition = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())
    return {
        state["Arguments"]["FunctionName"].removeprefix("${").removesuffix("Function}").lower(): state
        for state in definition["States"].values()
        if state["Type"] == "Task" and state["Resource"].endswith("lambda:invoke")
    }


@pytest.fixture(scope="module")
def substitutions(root: Path) -> dict[str, set[str]]:
    """Every value that a deployed definition may have for a placeholder in a list of errors."""
    resources = yaml_parse((root / "template.yaml").read_text())["Resources"].values()
    found: dict[str, set[str]] = {}
    for resource in resources:
        for name, value in resource.get("Properties", {}).get("DefinitionSubstitutions", {}).items():
            values = value["Fn::If"][1:] if isinstance(value, dict) and "Fn::If" in value else [value]
            found.setdefault(name, set()).update(text for text in values if isinstance(text, str))
    return found


def classes(function: str) -> dict[str, type[Exception]]:
    """The exceptions that a function defines, in whichever module."""
    package = importlib.import_module(function)
    modules = [
        importlib.import_module(f"{function}.{module.name}")
        for module in pkgutil.iter_modules(package.__path__)
        if module.name not in {"app", "observability"}  # they read the environment, and define none
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    return {
        one.__name__: one
        for one in found
        if issubclass(one, Exception) and one.__module__.startswith(f"{function}.")
    }


def names(function: str, *ends: Ends) -> set[str]:
    return {name for name, end in ERRORS[function].items() if end in ends}


def listed(handlers: list[dict[str, Any]], substitutions: dict[str, set[str]]) -> set[str]:
    """The errors that retriers or catchers list, the placeholders filled in."""
    found: set[str] = set()
    for handler in handlers:
        for name in handler["ErrorEquals"]:
            placeholder = PLACEHOLDER.fullmatch(name)
            found |= substitutions[placeholder[1]] - {NOTHING} if placeholder else {name}
    return found


def of_ours(errors: set[str]) -> set[str]:
    """Those that are a class of a function: AWS's names have a dot in them."""
    return {name for name in errors if "." not in name}


def test_every_function_of_the_workflow_is_here(states: dict[str, dict[str, Any]]) -> None:
    assert states.keys() == ERRORS.keys()


@pytest.mark.parametrize("function", ERRORS)
def test_every_error_of_a_function_is_decided(function: str) -> None:
    assert classes(function).keys() == ERRORS[function].keys()


def test_poison_is_what_serialize_counts_as_rejected() -> None:
    rejected = {name for name, error in classes("serialize").items() if issubclass(error, RejectedImageError)}
    assert rejected - {"RejectedImageError"} == names("serialize", Ends.POISON)


@pytest.mark.parametrize("function", ERRORS)
def test_every_error_is_raised_somewhere(root: Path, function: str) -> None:
    raised = {
        node.exc.func.id
        for path in (root / "functions" / function / function).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
    }
    assert ERRORS[function].keys() - {"RejectedImageError"} <= raised
    # What it raises beside its own errors is an error of its settings, at its start.
    assert raised - ERRORS[function].keys() <= {"ValueError"}


@pytest.mark.parametrize("function", ERRORS)
def test_the_workflow_rejects_what_is_poison_and_nothing_else(
    states: dict[str, dict[str, Any]], substitutions: dict[str, set[str]], function: str
) -> None:
    *catchers, last = states[function]["Catch"]
    rejecting = [catcher for catcher in catchers if catcher.get("Assign") == {"outcome": "rejected"}]
    parking = [catcher for catcher in catchers if catcher["Next"] == "Park claim"]
    assert rejecting + parking == catchers
    assert listed(rejecting, substitutions) == names(function, Ends.POISON)
    assert listed(parking, substitutions) == names(function, Ends.PARKED)
    assert (last["ErrorEquals"], last["Assign"]) == (["States.ALL"], {"outcome": "failed"})


@pytest.mark.parametrize("function", ERRORS)
def test_the_workflow_retries_what_is_transient_and_nothing_else_of_ours(
    states: dict[str, dict[str, Any]], substitutions: dict[str, set[str]], function: str
) -> None:
    for_hours, *others = states[function]["Retry"]
    assert for_hours["MaxAttempts"] == 200
    assert of_ours(listed([for_hours], substitutions)) == names(function, Ends.TRANSIENT)
    assert of_ours(listed(others, substitutions)) == names(function, Ends.ABSENT)
    # They would retry poison too.
    assert not listed(states[function]["Retry"], substitutions) & {"States.ALL", "States.TaskFailed"}


def test_every_name_of_ours_in_a_definition_is_of_the_function_that_its_state_invokes(
    root: Path, substitutions: dict[str, set[str]]
) -> None:
    for path in (root / "statemachine").glob("*.asl.json"):
        for name, state in all_states(json.loads(path.read_text())):
            handlers = [*state.get("Retry", []), *state.get("Catch", [])]
            invoked = state.get("Arguments", {}).get("FunctionName", "") if handlers else ""
            function = invoked.removeprefix("${").removesuffix("Function}").lower()
            known = set(classes(function)) if function in ERRORS else set()
            assert of_ours(listed(handlers, substitutions)) <= known, f"{path.name}, {name}"
