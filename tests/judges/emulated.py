"""Runs a scenario in MiniStack's workflow engine, in this process, and records each JSONata expression it evaluates."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Final

import pytest
from ministack.services import stepfunctions

from tests.judges.recording_emulator import bindings_of
from tests.judges.scenario import Scenario, machines

# The time and the chance of every run, in both readers of JSONata.
FROZEN_MILLIS: Final = 1_790_000_000_123
FROZEN_NOW: Final = "2026-09-21T14:13:20.123Z"
FROZEN_RANDOM: Final = 0.25
FROZEN_UUID: Final = "00000000-0000-4000-8000-000000000000"
FROZEN = {"now": FROZEN_NOW, "millis": FROZEN_MILLIS, "random": FROZEN_RANDOM, "uuid": FROZEN_UUID}
ARN: Final = "arn:aws:states:us-east-1:000000000000"


@dataclass
class Ended:
    """How an execution ended, what it went through, and what it asked of services."""

    status: str
    output: Any
    error: str | None
    visited: list[str]
    asked: list[tuple[str, Any]]
    evaluated: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class _Running:
    scenario: Scenario
    attempts: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, Any]] = field(default_factory=list)
    evaluated: list[dict[str, Any]] = field(default_factory=list)
    state: str = ""


def run(scenario: Scenario) -> Ended:
    """Run a scenario to its end; waits and retries take no time."""
    running = _Running(scenario)
    name = "judged"
    machine, execution = f"{ARN}:stateMachine:{name}", f"{ARN}:execution:{name}:1"
    definition = machines()[scenario.machine]
    with pytest.MonkeyPatch.context() as patch:
        _script(patch, running)
        _record(patch, running)
        patch.setitem(
            stepfunctions._state_machines, machine, {"name": name, "definition": json.dumps(definition)}
        )
        started = {
            "executionArn": execution,
            "stateMachineArn": machine,
            "name": "1",
            "status": "RUNNING",
            "startDate": FROZEN_NOW,
            "input": json.dumps(scenario.input),
            "events": [],
        }
        patch.setitem(stepfunctions._executions, execution, started)
        stepfunctions._run_execution(execution)
    events: list[dict[str, Any]] = started["events"]  # type: ignore[assignment]
    entered = [
        event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
    ]
    succeeded = started["status"] == "SUCCEEDED"
    return Ended(
        status=str(started["status"]),
        output=json.loads(str(started["output"])) if succeeded else None,
        error=None if succeeded else str(started["error"]),
        visited=entered,
        asked=running.asked,
        evaluated=running.evaluated,
    )


def _script(patch: pytest.MonkeyPatch, running: _Running) -> None:
    """Answer Task states as the scenario says, at once."""
    execute, apply_catcher = stepfunctions._execute_task, stepfunctions._apply_catcher

    def execute_named(state: Any, raw: Any, execution: Any, context: dict[str, Any]) -> Any:
        running.state = context["State"]["Name"]
        return execute(state, raw, execution, context)

    def invoke(_resource: str, arguments: Any) -> Any:
        attempt = running.attempts.get(running.state, 0)
        running.attempts[running.state] = attempt + 1
        running.asked.append((running.state, copy.deepcopy(arguments)))
        answer = running.scenario.answer(running.state, attempt)
        if "Throw" in answer:
            thrown = answer["Throw"]
            raise stepfunctions._ExecutionError(thrown["Error"], thrown.get("Cause"))
        return copy.deepcopy(answer["Return"])

    def apply(catcher: Any, raw: Any, context: Any, language: str, error_output: dict[str, Any]) -> Any:
        # An error without a cause has no field Cause; MiniStack has null there.
        told = {name: value for name, value in error_output.items() if value is not None}
        return apply_catcher(catcher, raw, context, language, told)

    patch.setattr(stepfunctions, "_execute_task", execute_named)
    patch.setattr(stepfunctions, "_invoke_resource", invoke)
    patch.setattr(stepfunctions, "_apply_catcher", apply)
    patch.setattr(stepfunctions, "_scaled_sleep", lambda _: None)
    patch.setattr(stepfunctions, "_emit_execution_status_event", lambda _: None)
    patch.setattr(stepfunctions, "time", SimpleNamespace(sleep=lambda _: None))


def _record(patch: pytest.MonkeyPatch, running: _Running) -> None:
    """Keep the expression, its variables and what came of it, with time and chance frozen."""
    evaluate, register = stepfunctions._evaluate_jsonata, stepfunctions._register_sfn_jsonata_functions

    def register_frozen(expression: Any) -> None:
        register(expression)
        expression.register_lambda("now", lambda: FROZEN_NOW)
        expression.register_lambda("millis", lambda: FROZEN_MILLIS)
        expression.register_lambda("random", lambda: FROZEN_RANDOM)
        expression.register_lambda("uuid", lambda: FROZEN_UUID)

    def evaluate_and_record(
        expression: str, raw: Any, context: Any = None, result: Any = None, error_output: Any = None
    ) -> Any:
        context = context or {}
        bindings = bindings_of(raw, context, result, error_output)
        record = {"expression": expression, "bindings": bindings, "scenario": running.scenario.name}
        try:
            value = evaluate(expression, raw, context, result, error_output)
        except stepfunctions._ExecutionError as failed:
            running.evaluated.append(record | {"error": failed.cause})
            raise
        running.evaluated.append(record | {"value": copy.deepcopy(value)})
        return value

    patch.setattr(stepfunctions, "_register_sfn_jsonata_functions", register_frozen)
    patch.setattr(stepfunctions, "_evaluate_jsonata", evaluate_and_record)
