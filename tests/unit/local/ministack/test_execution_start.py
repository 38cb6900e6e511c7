"""An execution enters its first state at once, and does not start with input that is no JSON."""

import json
from collections.abc import Iterator
from types import CodeType

import pytest
from ministack.services import stepfunctions

from scones.local.ministack.step_functions import refuse_input_that_is_no_json, start_at_once


@pytest.fixture(autouse=True)
def original() -> Iterator[CodeType]:
    code = stepfunctions._run_execution.__code__
    yield code
    stepfunctions._run_execution.__code__ = code


def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Run a machine of one state; return how long the emulator slept."""
    slept: list[float] = []
    monkeypatch.setattr(stepfunctions.time, "sleep", slept.append)
    states = {"QueryLanguage": "JSONata", "StartAt": "Only", "States": {"Only": {"Type": "Succeed"}}}
    execution = {
        "executionArn": "arn:one",
        "stateMachineArn": "arn:machine",
        "name": "one",
        "startDate": "2026-11-27T12:00:00Z",
        "input": "{}",
        "status": "RUNNING",
        "events": [],
    }
    monkeypatch.setitem(stepfunctions._executions, "arn:one", execution)
    machine = {"name": "machine", "definition": json.dumps(states), "roleArn": "arn:role"}
    monkeypatch.setitem(stepfunctions._state_machines, "arn:machine", machine)
    stepfunctions._run_execution("arn:one")
    assert execution["status"] == "SUCCEEDED"
    return [seconds for seconds in slept if seconds]


def test_an_execution_does_not_sleep_before_its_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    start_at_once()
    assert naps(monkeypatch) == []


def test_ministack_still_needs_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert naps(monkeypatch) == [0.15]


def test_another_version_of_ministack_is_refused(original: CodeType) -> None:
    constants = tuple(0.2 if one == 0.15 else one for one in original.co_consts)
    stepfunctions._run_execution.__code__ = original.replace(co_consts=constants)
    with pytest.raises(RuntimeError, match="has changed"):
        start_at_once()


@pytest.mark.parametrize("text", ["no event", "", "{", None])
def test_input_that_is_no_json_starts_nothing(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    started: list[str] = []
    monkeypatch.setattr(stepfunctions, "_start_execution", lambda data: started.append(data.get("input")))
    refuse_input_that_is_no_json()
    status, _, body = stepfunctions._start_execution({"input": text})
    assert (status, json.loads(body)["__type"]) == (400, "InvalidExecutionInput")
    assert started == []


@pytest.mark.parametrize("data", [{}, {"input": "{}"}, {"input": '"text"'}, {"input": "null"}])
def test_input_that_is_json_starts_an_execution(
    monkeypatch: pytest.MonkeyPatch, data: dict[str, str]
) -> None:
    started: list[dict[str, str]] = []
    monkeypatch.setattr(stepfunctions, "_start_execution", started.append)
    refuse_input_that_is_no_json()
    stepfunctions._start_execution(data)
    assert started == [data]
