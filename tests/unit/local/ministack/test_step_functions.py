"""Retries and maps of the emulator are those of Step Functions."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from ministack.services import stepfunctions

from scones.local.ministack import step_functions

RETRIER = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxDelaySeconds": 300,
    "MaxAttempts": 12,
}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the emulator sleeps between attempts, in seconds of the workflow."""
    slept: list[float] = []
    monkeypatch.setattr(stepfunctions, "_find_matching_retrier", stepfunctions._find_matching_retrier)
    monkeypatch.setattr(stepfunctions, "_scaled_sleep", slept.append)
    step_functions.wait_as_retriers_say()
    return slept


def fail_until_given_up(retrier: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a state that always fails, as the emulator does."""

    def fail(*_: object) -> None:
        raise stepfunctions._ExecutionError("Some.Error", "always")

    monkeypatch.setattr(stepfunctions, "_invoke_resource", fail)
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Retry": [retrier], "End": True}
    context = {"State": {"Name": "Fails", "RetryCount": 0}, "variables": {}, "QueryLanguage": "JSONPath"}
    execution = {"events": [], "executionArn": "arn", "status": "RUNNING"}
    with pytest.raises(stepfunctions._ExecutionError):
        stepfunctions._execute_task(state, {}, execution, context)


def test_a_delay_grows_to_the_longest_that_the_retry_allows(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_until_given_up(RETRIER, monkeypatch)
    assert [delay for delay in waits if delay] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_full_jitter_draws_from_nothing_to_the_delay(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = {"BackoffRate": 1, "IntervalSeconds": 100, "MaxAttempts": 200, "JitterStrategy": "FULL"}
    fail_until_given_up(RETRIER | steady, monkeypatch)
    drawn = [delay for delay in waits if delay]
    assert len(drawn) == 200
    assert 0 < min(drawn) < 10
    assert 90 < max(drawn) <= 100
    assert 40 < sum(drawn) / len(drawn) < 60


@pytest.mark.parametrize(("status", "items_run"), [("RUNNING", 1), ("ABORTED", 0)])
def test_a_map_goes_on_while_its_execution_runs_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, status: str, items_run: int
) -> None:
    run: list[object] = []
    monkeypatch.setattr(stepfunctions, "_run_sub_machine", lambda *arguments: run.append(arguments))
    monkeypatch.setattr(stepfunctions, "_map_runs", {"map": {"executionArn": "parent"}})
    monkeypatch.setattr(stepfunctions, "_executions", {"parent": {"status": status}})
    step_functions.stop_with_the_execution()

    with nullcontext() if items_run else pytest.raises(stepfunctions._ExecutionError):
        stepfunctions._run_sub_machine({}, "A", {}, {"mapRunArn": "map"}, {})

    assert len(run) == items_run
