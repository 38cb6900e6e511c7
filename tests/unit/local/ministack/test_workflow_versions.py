"""Versions and aliases of a workflow behave in the emulator as on AWS."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core import iam_evaluator
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudwatch, eventbridge, stepfunctions
from ministack.services.cloudformation import provisioners, stacks

from scones.local.ministack import workflow_versions

WORKFLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:triage"
LIVE_ONLY = {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": "live"}}


@pytest.fixture(autouse=True)
def _as_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_evaluator, "evaluate", iam_evaluator.evaluate)
    workflow_versions.ask_permission_on_the_workflow()


def decide(started: str, resource: str, condition: dict[str, Any] | None = None) -> str:
    statement = {"Effect": "Allow", "Action": "states:StartExecution", "Resource": resource}
    policy = {"Statement": [statement | ({"Condition": condition} if condition else {})]}
    context = iam_evaluator.EvalContext(
        principal_arn="arn:aws:iam::123456789012:role/sweep",
        principal_type="AssumedRole",
        principal_account="123456789012",
        action="states:StartExecution",
        resource_arn=started,
        region="us-east-1",
    )
    return str(iam_evaluator.evaluate(context, [iam_evaluator.parse_policy_document(policy)]).decision)


@pytest.mark.parametrize("started", [WORKFLOW, f"{WORKFLOW}:live", f"{WORKFLOW}:3"])
def test_permission_on_the_workflow_is_permission_on_its_aliases_and_versions(started: str) -> None:
    assert decide(started, WORKFLOW) == "Allow"


def test_permission_on_the_alias_starts_nothing() -> None:
    assert decide(f"{WORKFLOW}:live", f"{WORKFLOW}:live") == "ImplicitDeny"


@pytest.mark.parametrize(
    ("started", "decision"),
    [(f"{WORKFLOW}:live", "Allow"), (f"{WORKFLOW}:3", "ImplicitDeny"), (WORKFLOW, "ImplicitDeny")],
)
def test_a_condition_names_the_one_alias(started: str, decision: str) -> None:
    assert decide(started, WORKFLOW, LIVE_ONLY) == decision


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Executions run as on AWS; what they say of themselves."""
    for name in ("_start_execution", "_emit_execution_status_event", "_describe_execution"):
        monkeypatch.setattr(stepfunctions, name, getattr(stepfunctions, name))
    said: list[dict[str, Any]] = []

    def put_events(request: dict[str, Any], **_: Any) -> tuple[int, dict[str, str], bytes]:
        said.extend(request["Entries"])
        return 200, {}, b"{}"

    monkeypatch.setattr(eventbridge, "_put_events", put_events)
    monkeypatch.setattr(stepfunctions, "_validate_definition_jsonata", lambda _: None)
    monkeypatch.setattr(stepfunctions, "json", json)
    workflow_versions.run_the_version_asked_for()
    yield said
    stepfunctions._state_machines.__class__ = AccountRegionScopedDict
    stepfunctions.reset()


def answered(response: tuple[int, Any, Any]) -> dict[str, Any]:
    status, _, body = response
    assert status == 200, body
    return dict(json.loads(body))


def definition(output: str) -> str:
    return json.dumps({"StartAt": "Say", "States": {"Say": {"Type": "Pass", "Result": output, "End": True}}})


def create() -> str:
    request = {"name": "triage", "definition": definition("first"), "roleArn": "arn:aws:iam::1:role/r"}
    return str(answered(stepfunctions._create_state_machine(request))["stateMachineArn"])


def publish(machine: str) -> str:
    return str(
        answered(stepfunctions._publish_state_machine_version({"stateMachineArn": machine}))[
            "stateMachineVersionArn"
        ]
    )


def run(arn: str) -> dict[str, Any]:
    """Run an execution to its end, and describe it."""
    execution = answered(stepfunctions._start_execution({"stateMachineArn": arn}))["executionArn"]
    deadline = time.monotonic() + 60
    while True:
        found = answered(stepfunctions._describe_execution({"executionArn": execution}))
        if found["status"] != "RUNNING":
            return found
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_an_execution_runs_the_version_it_was_started_with(events: list[dict[str, Any]]) -> None:
    machine = create()
    first = publish(machine)
    stepfunctions._update_state_machine({"stateMachineArn": machine, "definition": definition("second")})
    second = publish(machine)

    assert json.loads(run(first)["output"]) == "first"
    assert json.loads(run(second)["output"]) == json.loads(run(machine)["output"]) == "second"


def test_executions_of_a_version_share_its_parsed_definition(events: list[dict[str, Any]]) -> None:
    version = publish(create())
    before = workflow_versions._definition.cache_info().misses
    assert [run(version)["output"] for _ in range(3)] == ['"first"'] * 3
    assert workflow_versions._definition.cache_info().misses <= before + 1
    text = stepfunctions._state_machine_versions[version]["definition"]
    assert workflow_versions._definition(text).parsed == json.loads(text)


def test_an_execution_says_which_version_and_alias_it_has(events: list[dict[str, Any]]) -> None:
    machine = create()
    first = publish(machine)
    routes = [{"stateMachineVersionArn": first, "weight": 100}]
    request = {"name": "live", "routingConfiguration": routes}
    alias = answered(stepfunctions._create_state_machine_alias(request))["stateMachineAliasArn"]

    described = run(alias)

    expected = {"stateMachineVersionArn": first, "stateMachineAliasArn": alias}
    assert described | expected == described
    details = [json.loads(event["Detail"]) for event in events]
    assert [detail["status"] for detail in details] == ["RUNNING", "SUCCEEDED"]
    assert all(detail | expected == detail for detail in details)


def test_an_execution_of_the_machine_itself_has_no_version(events: list[dict[str, Any]]) -> None:
    machine = create()
    publish(machine)
    assert "stateMachineVersionArn" not in run(machine)
    assert all(json.loads(event["Detail"])["stateMachineVersionArn"] is None for event in events)


def test_an_alias_routes_by_weight(events: list[dict[str, Any]]) -> None:
    machine = create()
    first, second = publish(machine), publish(machine)
    routes = [
        {"stateMachineVersionArn": first, "weight": 90},
        {"stateMachineVersionArn": second, "weight": 10},
    ]
    request = {"name": "live", "routingConfiguration": routes}
    alias = answered(stepfunctions._create_state_machine_alias(request))["stateMachineAliasArn"]

    found = [workflow_versions._resolve(alias)["stateMachineVersionArn"] for _ in range(1000)]

    assert 820 <= found.count(first) <= 970  # 90 % of 1000; outside once in 10^12 times


@pytest.mark.parametrize(("state", "rolls_back"), [("ALARM", True), ("OK", False), (None, False)])
def test_an_alarm_of_the_deployment_rolls_it_back(
    events: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, state: str | None, *, rolls_back: bool
) -> None:
    machine = create()
    first: dict[str, Any] = {
        "Name": "live",
        "DeploymentPreference": {"StateMachineVersionArn": publish(machine)},
    }
    alias, _ = workflow_versions._create_alias("", first, "stack")
    monkeypatch.setattr(cloudwatch, "_alarms", {"release": {"StateValue": state}} if state else {})
    preference = {"Type": "CANARY", "Percentage": 10, "Interval": 10, "Alarms": ["release"]}
    second: dict[str, Any] = {
        "DeploymentPreference": preference | {"StateMachineVersionArn": publish(machine)}
    }

    if rolls_back:
        with pytest.raises(ValueError, match="alarm release is in ALARM"):
            workflow_versions._move_alias(alias, first, second, "stack")
    else:
        workflow_versions._move_alias(alias, first, second, "stack")

    routes = stepfunctions._state_machine_aliases[alias]["routingConfiguration"]
    lives = (first if rolls_back else second)["DeploymentPreference"]["StateMachineVersionArn"]
    assert routes == [{"stateMachineVersionArn": lives, "weight": 100}]


def test_images_arrive_while_an_alias_is_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the emulator's event loop a canary would stop everything else, and no alarm could fire."""
    monkeypatch.setattr(provisioners, "_RESOURCE_HANDLERS", dict(provisioners._RESOURCE_HANDLERS))
    monkeypatch.setattr(stacks, "_runs_on_worker_thread", stacks._runs_on_worker_thread)
    workflow_versions.add_to_cloudformation()
    assert stacks._runs_on_worker_thread("AWS::StepFunctions::StateMachineAlias")
    assert stacks._runs_on_worker_thread("Custom::Anything")
    assert not stacks._runs_on_worker_thread("AWS::SNS::Topic")
