"""What the state machine's file promises, read from the file."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cfnlint.data.schemas.other import step_functions

POISON = {"UnsupportedImageError", "CorruptImageError", "ImageTooLargeError", "ImageNotFoundError"}
PERMANENT = {"EndpointNotFoundError", "InvalidPredictionError"}
REFUSED_CLAIM = ["DynamoDB.ConditionalCheckFailedException"]


@pytest.fixture(scope="module")
def states(root: Path) -> dict[str, Any]:
    definition = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())
    return dict(definition["States"])


@pytest.fixture(scope="module")
def tasks(states: dict[str, Any]) -> dict[str, Any]:
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


def test_every_catch_ends_in_one_fallback(tasks: dict[str, Any]) -> None:
    catchers = [
        catcher
        for name, task in tasks.items()
        for catcher in task["Catch"]
        if catcher["ErrorEquals"] != REFUSED_CLAIM and name != "Count failure"
    ]
    assert {catcher["Next"] for catcher in catchers} == {"Explain failure"}
    assert all(set(catcher["Output"]) == {"state", "name", "cause"} for catcher in catchers)


def test_a_failure_that_cannot_be_counted_changes_nothing(tasks: dict[str, Any]) -> None:
    count = tasks["Count failure"]
    (catcher,) = count["Catch"]
    (retry,) = count["Retry"]
    assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.ALL"], count["Next"])
    assert not {"Assign"} & (count.keys() | catcher.keys())
    assert retry["MaxDelaySeconds"] * retry["MaxAttempts"] <= 30


def test_every_task_catches_everything_last(tasks: dict[str, Any]) -> None:
    assert all(task["Catch"][-1]["ErrorEquals"] == ["States.ALL"] for task in tasks.values())


def test_poison_and_permanent_errors_are_never_retried(tasks: dict[str, Any]) -> None:
    functions = [task for task in tasks.values() if task["Resource"].endswith("lambda:invoke")]
    names = {name for task in functions for retry in task["Retry"] for name in retry["ErrorEquals"]}
    assert len(functions) == 3
    assert not names & (POISON | PERMANENT | {"States.ALL", "States.TaskFailed"})


@pytest.mark.parametrize("name", ["Serialize image", "Classify", "Filter"])
def test_what_befalls_a_sandbox_is_retried_a_few_times_under_every_name_it_has(
    tasks: dict[str, Any], name: str
) -> None:
    # "Handle Lambda service exceptions" of the Step Functions guide, and the names of Lambda's own runtimes.
    befalls = {
        "Lambda.Unknown",
        "Sandbox.Timedout",
        "Runtime.ExitError",
        "Runtime.OutOfMemory",
        "States.Timeout",
    }
    service = {"ServiceException", "AWSLambdaException", "SdkClientException", "TooManyRequestsException"}
    away, died = tasks[name]["Retry"]
    assert befalls <= set(died["ErrorEquals"])
    assert died["MaxAttempts"] <= 3
    assert {f"Lambda.{error}" for error in service} <= set(away["ErrorEquals"])


def test_every_retry_has_full_jitter_and_a_cap(tasks: dict[str, Any]) -> None:
    retries = [retry for task in tasks.values() for retry in task["Retry"] if retry["MaxAttempts"]]
    assert all(retry["JitterStrategy"] == "FULL" and retry["MaxDelaySeconds"] <= 300 for retry in retries)


@pytest.mark.parametrize("name", ["Serialize image", "Classify", "Filter"])
def test_a_service_that_is_away_is_waited_for_for_hours(tasks: dict[str, Any], name: str) -> None:
    retry = tasks[name]["Retry"][0]
    delays = [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
        for attempt in range(retry["MaxAttempts"])
    ]
    # Full jitter halves a delay on average; 3 standard deviations of the sum are left as a margin.
    spread = sum(delay**2 / 12 for delay in delays) ** 0.5
    assert sum(delays) / 2 - 3 * spread > 6 * 3600


@pytest.mark.parametrize("name", ["Claim image", "Close claim"])
def test_a_refused_claim_is_no_error_and_not_retried(tasks: dict[str, Any], name: str) -> None:
    assert tasks[name]["Retry"][0] == {"ErrorEquals": REFUSED_CLAIM, "MaxAttempts": 0}
    assert tasks[name]["Catch"][0]["ErrorEquals"] == REFUSED_CLAIM


def test_every_state_is_reached(states: dict[str, Any]) -> None:
    targets = {"Remember image"}
    for state in states.values():
        targets |= {state[field] for field in ("Next", "Default") if field in state}
        targets |= {branch["Next"] for field in ("Choices", "Catch") for branch in state.get(field, [])}
    assert targets == set(states)


def test_the_definition_holds_to_the_published_schema(root: Path) -> None:
    # cfn-lint checks a definition inside a template; ours is a file beside it.
    schema = json.loads(Path(step_functions.__file__).with_name("statemachine.json").read_text())
    definition = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())
    for state in definition["States"].values():
        if state["Type"] not in {"Succeed", "Fail"}:
            state["QueryLanguage"] = definition["QueryLanguage"]  # the schema does not inherit it

    jsonschema.validate(definition, schema)
