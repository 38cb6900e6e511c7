"""The end of an execution's history says where it is, and the state's own Retry when it tries again."""

import json
from datetime import timedelta
from typing import Any, cast

import pytest

from scones.execution_progress import Failure, plan_retries, read_progress, read_retriers
from tests.fakes.execution_history import (
    START,
    UNAVAILABLE,
    FakeExecutions,
    definition,
    endpoint_away,
    entered,
    failed,
    scheduled,
)

ARN = "arn:aws:states:us-east-1:123456789012:execution:triage:1"


def progress_of(history: list[dict[str, Any]], page: int = 1000) -> Any:
    executions = FakeExecutions(page=page)
    executions.add(ARN, "RUNNING", history)
    return read_progress(cast("Any", executions), ARN)


def failures(name: str, count: int) -> list[Failure]:
    return [Failure(name, "", START + timedelta(seconds=number)) for number in range(count)]


def retriers(state: str = "Classify") -> list[Any]:
    return list(json.loads(definition())["States"][state]["Retry"])


@pytest.mark.parametrize("page", [1000, 2])
def test_the_failed_attempts_of_the_current_state_are_counted(page: int) -> None:
    earlier = [
        entered("Serialize image"),
        scheduled(),
        failed("StorageUnavailableError", "S3 is away", START),
    ]

    progress = progress_of([*earlier, *endpoint_away(2)], page)

    assert (progress.state, len(progress.failures), progress.is_waiting) == ("Classify", 2, True)
    assert (progress.last_error.name, progress.last_error.message) == UNAVAILABLE
    assert progress.last_error.is_of_endpoint
    assert progress.last_error.at == START + timedelta(seconds=2)


def test_an_attempt_under_way_is_not_a_pause() -> None:
    progress = progress_of([*endpoint_away(3), scheduled()])

    assert len(progress.failures) == 3
    assert not progress.is_waiting


def test_an_execution_that_was_stopped_says_by_what() -> None:
    stopped = {
        "type": "ExecutionAborted",
        "timestamp": START,
        "executionAbortedEventDetails": {"error": "Stopped", "cause": "by hand"},
    }

    progress = progress_of([*endpoint_away(1), stopped])

    assert (progress.state, progress.last_error.name, progress.last_error.message) == (
        "Classify",
        "Stopped",
        "by hand",
    )


def test_a_history_without_an_error_has_none() -> None:
    progress = progress_of([entered("Classify"), scheduled()])

    assert (progress.last_error, progress.failures) == (None, ())


def test_the_retry_is_that_of_the_definition_that_the_execution_runs_with() -> None:
    executions = FakeExecutions()
    executions.add(ARN, "RUNNING", [])

    assert read_retriers(cast("Any", executions), ARN, "Classify") == retriers()
    assert read_retriers(cast("Any", executions), ARN, "Explain failure") == []


@pytest.mark.parametrize(("attempts", "pause_s"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (200, 300)])
def test_a_pause_grows_to_its_limit(attempts: int, pause_s: int) -> None:
    failed_so_far = failures("EndpointUnavailableError", attempts)

    plan = plan_retries(retriers(), failed_so_far)

    assert plan
    assert plan.next_by - failed_so_far[-1].at == timedelta(seconds=pause_s)


def test_it_gives_up_when_the_attempts_are_used_up() -> None:
    plan = plan_retries(retriers(), failures("EndpointUnavailableError", 1))
    assert plan
    # 1 + 2 + 4 + ... + 256 and 191 times 300, half of it on average.
    assert plan.gives_up_at - START == timedelta(seconds=round((511 + 191 * 300) / 2))
    assert plan_retries(retriers(), failures("EndpointUnavailableError", 201)) is None


def test_an_error_that_no_retrier_names_is_not_retried() -> None:
    assert plan_retries(retriers(), failures("InvalidPredictionError", 1)) is None
    assert plan_retries(retriers("Store result"), failures("States.QueryEvaluationError", 1)) is None
    assert plan_retries(retriers("Store result"), failures("S3.S3Exception", 1)) is not None
    assert plan_retries(retriers("Store result"), failures("States.DataLimitExceeded", 1)) is None


def test_attempts_are_counted_for_each_retrier() -> None:
    mixed = [*failures("Lambda.Unknown", 3), *failures("EndpointThrottledError", 2)]
    plan = plan_retries(retriers(), mixed)
    assert plan
    assert plan.next_by - mixed[-1].at == timedelta(seconds=2)
