"""What the state machine's file promises, read from the file."""

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import moto.dynamodb.parsing
import pytest
from cfnlint.data.schemas.other import step_functions
from ministack.services import stepfunctions
from samcli.yamlhelper import yaml_parse

from tests.static.definitions import states as all_states

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

REFUSED_CLAIM = ["DynamoDB.ConditionalCheckFailedException"]
UNEVALUABLE = ["States.QueryEvaluationError"]
ENDPOINT_MISSING = (["${WaitsFifteenMinutesFor}"], ["EndpointNotFoundError"])


PARKING = ("Park claim", "Hold image")


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
        if catcher["ErrorEquals"] != REFUSED_CLAIM and name not in {"Count failure", *PARKING}
        if catcher["ErrorEquals"] != ["EndpointPausedError"]
    ]
    assert {catcher["Next"] for catcher in catchers} == {"Explain failure"}
    assert all(set(catcher["Output"]) == {"state", "name", "cause"} for catcher in catchers)


def test_parking_an_image_gives_it_no_outcome_and_ends_well_whatever_fails(states: dict[str, Any]) -> None:
    """A failed execution would go to the queue of failed images, and a variable is what an outcome is made of."""
    (paused,) = [one for one in states["Classify"]["Catch"] if one["ErrorEquals"] == ["EndpointPausedError"]]
    assert (paused["Next"], "Assign" in paused) == ("Park claim", False)
    ends = set()
    for name in PARKING:
        state = states[name]
        assert not any("Assign" in one for one in (state, *state["Catch"]))
        assert "finished_at" not in state["Arguments"].get("UpdateExpression", "")
        ends |= {state["Next"], *(catcher["Next"] for catcher in state["Catch"])}
        assert sum(delays(state["Retry"][-1])) <= 60  # an EXPRESS execution lives five minutes
    assert {states[end]["Type"] for end in ends - set(PARKING)} == {"Succeed"}
    assert not any(
        "EndpointPausedError" in one["ErrorEquals"] for s in states.values() for one in s.get("Retry", [])
    )


def test_a_failure_that_cannot_be_counted_changes_nothing(tasks: dict[str, Any]) -> None:
    count = tasks["Count failure"]
    (catcher,) = count["Catch"]
    _, retry = count["Retry"]
    assert (catcher["ErrorEquals"], catcher["Next"]) == (["States.ALL"], count["Next"])
    assert not {"Assign"} & (count.keys() | catcher.keys())
    assert retry["MaxDelaySeconds"] * retry["MaxAttempts"] <= 30


def test_every_task_catches_everything_last(tasks: dict[str, Any]) -> None:
    assert all(task["Catch"][-1]["ErrorEquals"] == ["States.ALL"] for task in tasks.values())


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
    away, *_, died = tasks[name]["Retry"]
    assert befalls <= set(died["ErrorEquals"])
    assert died["MaxAttempts"] <= 3
    assert {f"Lambda.{error}" for error in service} <= set(away["ErrorEquals"])


def delays(retry: dict[str, Any]) -> list[float]:
    """Return the longest pause before each of a retrier's attempts, in seconds."""
    return [
        min(retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"])
        for attempt in range(retry["MaxAttempts"])
    ]


def test_every_retry_has_a_cap_and_full_jitter_unless_it_waits_for_an_endpoint(
    tasks: dict[str, Any],
) -> None:
    retries = [retry for task in tasks.values() for retry in task["Retry"] if retry["MaxAttempts"]]
    assert all(retry["MaxDelaySeconds"] <= 300 for retry in retries)
    assert [retry["ErrorEquals"] for retry in retries if retry["JitterStrategy"] != "FULL"] == list(
        ENDPOINT_MISSING
    )


def test_an_endpoint_that_is_being_created_is_waited_for(tasks: dict[str, Any]) -> None:
    # SageMaker answers ValidationError for an endpoint that is missing and for one that is still Creating.
    standard, express = (
        next(retry for retry in tasks["Classify"]["Retry"] if retry["ErrorEquals"] == names)
        for names in ENDPOINT_MISSING
    )
    assert 15 * 60 <= sum(delays(standard)) <= 16 * 60
    assert 60 <= sum(delays(express)) <= 70  # seconds; a backfill must stop when there is no endpoint


def test_a_claim_lasts_longer_than_any_execution(states: dict[str, Any], root: Path) -> None:
    resources = yaml_parse((root / "template.yaml").read_text())["Resources"]
    timeouts = {
        name: resources[resource]["Properties"]["Timeout"]
        for name, resource in (
            ("Serialize image", "Serialize"), ("Classify", "Classify"), ("Filter", "Filter"),
        )
    }  # fmt: skip
    longest = 0.0
    for name, state in states.items():
        for retry in state.get("Retry", []):
            # An attempt of a service integration without a function ends within a minute (SDK's limit).
            attempts = sum(delays(retry)) if retry["MaxAttempts"] else 0
            longest += attempts + retry["MaxAttempts"] * timeouts.get(name, 60)
        longest += timeouts.get(name, 60)
    substitutions = resources["ClassifyImage"]["Properties"]["DefinitionSubstitutions"]
    _, express, standard = substitutions["ClaimSeconds"]["Fn::If"]
    assert standard > longest
    assert express == 300  # an EXPRESS execution lives five minutes


@pytest.mark.parametrize("name", ["Serialize image", "Classify", "Filter"])
def test_a_service_that_is_away_is_waited_for_for_hours(tasks: dict[str, Any], name: str) -> None:
    retry = tasks[name]["Retry"][0]
    # Full jitter halves a delay on average; 3 standard deviations of the sum are left as a margin.
    spread = sum(delay**2 / 12 for delay in delays(retry)) ** 0.5
    assert sum(delays(retry)) / 2 - 3 * spread > 6 * 3600


@pytest.mark.parametrize("name", ["Claim image", "Close claim"])
def test_a_refused_claim_is_no_error_and_not_retried(tasks: dict[str, Any], name: str) -> None:
    assert tasks[name]["Retry"][0] == {"ErrorEquals": [*REFUSED_CLAIM, *UNEVALUABLE], "MaxAttempts": 0}
    assert tasks[name]["Catch"][0]["ErrorEquals"] == REFUSED_CLAIM


def test_an_expression_that_fails_is_not_tried_again(root: Path) -> None:
    # It fails the same way each time: an event without a key would be retried for half an hour.
    seen = 0
    for path in (root / "statemachine").glob("*.json"):
        for _, state in all_states(json.loads(path.read_text())):
            retried = [retry["ErrorEquals"] for retry in state.get("Retry", [])]
            if ["States.ALL"] in retried and "Parameters" not in state:  # those are JSONPath's
                never = [retry for retry in state["Retry"] if retry["MaxAttempts"] == 0]
                assert any(UNEVALUABLE[0] in retry["ErrorEquals"] for retry in never), state
                seen += 1
    assert seen >= 8


def test_a_claim_that_fails_binds_the_same_variables(tasks: dict[str, Any]) -> None:
    claim = tasks["Claim image"]
    own = {"earlier", "asked_before", "drawn_by"}
    bound, rescued = claim["Assign"], claim["Catch"][-1]["Assign"]
    assert {name: value for name, value in bound.items() if name not in own} == {
        name: value for name, value in rescued.items() if name not in own | {"outcome"}
    }
    assert (rescued["earlier"], rescued["asked_before"], rescued["outcome"]) == (None, False, "failed")
    assert rescued["drawn_by"] == ""
    # The document names the image and the execution that the variables name.
    document = bound["document"]
    assert document["image"] == bound["image"]
    assert {name: document[name] for name in bound["correlation"]} == bound["correlation"]


def test_a_document_starts_with_every_field_of_the_contract(tasks: dict[str, Any], root: Path) -> None:
    contract = json.loads((root / "docs" / "contracts" / "result.schema.json").read_text())
    assert set(tasks["Claim image"]["Assign"]["document"]) == set(contract["required"])


def test_no_region_of_aws_is_left_out(root: Path) -> None:
    # GovCloud and China have partitions of their own in every ARN.
    for path in (root / "statemachine").glob("*.json"):
        assert "arn:aws" not in path.read_text(), path.name


def test_no_attribute_is_a_reserved_word_of_dynamodb(tasks: dict[str, Any], root: Path) -> None:
    # moto keeps the list of the DynamoDB guide's "Reserved words in DynamoDB".
    reserved = set(files(moto.dynamodb.parsing).joinpath("reserved_keywords.txt").read_text().split())
    grammar = {"SET", "REMOVE", "ADD", "OR", "AND"}
    used = set()
    recording = json.loads((root / "statemachine" / "record_decision.asl.json").read_text())["States"]
    updates = [*tasks.values(), *recording.values()]
    found = [each["Arguments"] for each in updates if "UpdateExpression" in each.get("Arguments", {})]
    assert len(found) == 5
    for arguments in found:
        expressions = [arguments[f"{kind}Expression"] for kind in ("Condition", "Update")]
        for expression in expressions:
            quoted = re.findall("'([^']*)'", expression) if expression.startswith("{%") else [expression]
            used |= {word.upper() for text in quoted for word in re.findall(r"(?<![:#\w])[a-z_]+", text)}
    assert {"EXECUTION", "STATE_SHARD", "EXPIRES_AT", "LEASE_UNTIL", "DECISION"} <= used
    assert not used & (reserved - grammar)


def explained(states: dict[str, Any], cause: str) -> str:
    expression = states["Explain failure"]["Assign"]["error"]["message"].removeprefix("{%").removesuffix("%}")
    return str(stepfunctions._evaluate_jsonata(expression.strip(), {"cause": cause}))


@pytest.mark.parametrize(
    "message",
    [
        'a "quoted" word',
        "C:\\path\\",
        "\\",
        '\\"',
        'ends in a quote"',
        "lines\nand\ttabs",
        "é 日本 😀",
        "",
        '\\\\" x',
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_a_functions_own_sentence_is_shown(states: dict[str, Any], message: str, *, ascii_only: bool) -> None:
    cause = {"errorMessage": message, "errorType": "CorruptImageError", "stackTrace": ['File "x"']}
    assert explained(states, json.dumps(cause, ensure_ascii=ascii_only)) == message


@pytest.mark.parametrize(
    "cause",
    [
        "",
        "no JSON at all",
        '{"errorMessage": "cut off in the mid',
        '{"errorMessage": "cut off in an escape \\u00',
        '{"errorMessage": "a raw\nline"}',
        '{"errorMessage": "no such escape \\x"}',
        '{"errorMessage": null}',
    ],
)
def test_a_cause_that_is_not_a_functions_answer_is_shown_as_it_is(states: dict[str, Any], cause: str) -> None:
    assert explained(states, cause) == cause


def test_a_message_is_cut_at_a_thousand_characters(states: dict[str, Any]) -> None:
    assert explained(states, json.dumps({"errorMessage": '"\n' * 20_000})) == ('"\n' * 500)


def test_no_regular_expression_repeats_a_group(root: Path) -> None:
    # Step Functions runs them in Java, which overflows its stack on a group repeated about a thousand times.
    found = [one for path in (root / "statemachine").glob("*.json") for one in regular_expressions(path)]
    assert len(found) >= 6
    assert not [one for one in found if re.search(r"\)[*+{]", one)]


def regular_expressions(path: Path) -> list[str]:
    """Return what stands between slashes in the expressions that match, contain or replace."""
    texts = re.findall(r'"(\{%.*?%\})"', path.read_text())
    return [found for text in texts for found in re.findall(r"(?:,|\() ?/((?:[^/\\]|\\.)+)/[,)]", text)]


def test_every_state_is_reached(states: dict[str, Any]) -> None:
    targets = {"Claim image"}
    for state in states.values():
        targets |= {state[field] for field in ("Next", "Default") if field in state}
        targets |= {branch["Next"] for field in ("Choices", "Catch") for branch in state.get(field, [])}
    assert targets == set(states)


def test_the_definition_holds_to_the_published_schema(root: Path) -> None:
    # cfn-lint checks a definition inside a template; ours is a file beside it.
    schema = json.loads(Path(step_functions.__file__).with_name("statemachine.json").read_text())
    text = (root / "statemachine" / "classify_image.asl.json").read_text()
    definition = json.loads(text.replace("${Partition}", "aws"))  # the schema knows one partition
    for state in definition["States"].values():
        if state["Type"] not in {"Succeed", "Fail"}:
            state["QueryLanguage"] = definition["QueryLanguage"]  # the schema does not inherit it

    jsonschema.validate(definition, schema)


@pytest.mark.parametrize(("message", "reason"), [("it is cut off", "it is cut off"), ("", "States.Timeout")])
def test_a_failure_without_a_message_still_has_a_reason(
    states: dict[str, Any], message: str, reason: str
) -> None:
    expression = states["Describe failure"]["Assign"]["document"].removeprefix("{%").removesuffix("%}")
    error = {"name": "States.Timeout", "message": message, "state": "Classify"}
    variables = {"document": {}, "outcome": "failed", "error": error, "inferences": None, "endpoint": None}

    document = stepfunctions._evaluate_jsonata(expression.strip(), {}, {"variables": variables})

    assert (document["reason"], document["error"]) == (reason, error)
