"""Retries and maps of the emulator are those of Step Functions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from ministack.services import s3, stepfunctions

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


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    name = "_dispatch_aws_sdk_rest_xml"
    monkeypatch.setattr(stepfunctions, name, getattr(stepfunctions, name))
    step_functions.read_and_write_objects()
    s3._create_bucket("objects", b"")
    yield
    s3.reset()


def ask_s3(action: str, **arguments: Any) -> Any:
    return stepfunctions._invoke_resource(
        f"arn:aws:states:::aws-sdk:s3:{action}", {"Bucket": "objects"} | arguments
    )


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(("body", "text"), [({"é": [1, None]}, '{"é":[1,null]}'), ("as it is", "as it is")])
def test_a_workflow_reads_what_it_has_written_as_text(body: Any, text: str) -> None:
    ask_s3("putObject", Key="a b+é%25.json", Body=body, ContentType="application/json")
    assert ask_s3("getObject", Key="a b+é%25.json")["Body"] == text


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("place", "error"),
    [({}, "S3.NoSuchKeyException"), ({"Bucket": "another"}, "S3.NoSuchBucketException")],
)
def test_an_error_of_s3_has_the_name_of_the_sdks_exception(place: dict[str, str], error: str) -> None:
    with pytest.raises(stepfunctions._ExecutionError) as raised:
        ask_s3("getObject", Key="gone", **place)
    assert raised.value.error == error


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
