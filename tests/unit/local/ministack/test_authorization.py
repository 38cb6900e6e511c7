"""What a role or a resource's policy does not allow is refused inside the emulator too, by the name AWS has for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from ministack.core import iam_actions, iam_evaluator
from ministack.services import cloudwatch, eventbridge, iam, s3, sns, stepfunctions

from scones.local.ministack import authorization, refusals
from scones.local.ministack.permissions import INTEGRATIONS, Call, call_of_state, refusal

PLACE = "us-east-1:000000000000"
ROLE = "arn:aws:iam::000000000000:role/workflow"
MACHINE, TOPIC = f"arn:aws:states:{PLACE}:stateMachine:one", f"arn:aws:sns:{PLACE}:topic"
QUEUE = f"arn:aws:sqs:{PLACE}:queue"
STORE = ("arn:aws:states:::aws-sdk:s3:putObject", {"Bucket": "results", "Key": "passed/a.json"})


@pytest.fixture
def allow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Give the role of the machine these statements and no other."""
    monkeypatch.setitem(stepfunctions._state_machines, MACHINE, {"roleArn": ROLE})
    role: dict[str, Any] = {"InlinePolicies": {}, "AttachedPolicies": []}
    monkeypatch.setitem(iam._roles, "workflow", role)

    def give(action: str, resource: str, **more: Any) -> None:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
        role["InlinePolicies"] = {"only": json.dumps({"Statement": [statement]})}

    return give


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the emulator has done of all that was asked, each as the arguments that it was asked with."""
    found: list[Any] = []

    def note(*given: Any) -> dict[str, Any]:
        found.append(given)
        return {}

    for module, name in [
        (stepfunctions, "_invoke_resource"),
        (stepfunctions, "_read_map_items"),
        (eventbridge, "_invoke_target"),
        (cloudwatch, "_dispatch_alarm_actions"),
    ]:
        monkeypatch.setattr(module, name, note)
    for name in ("_execute_task", "_run_distributed_map"):
        monkeypatch.setattr(stepfunctions, name, getattr(stepfunctions, name))
    return found


@pytest.mark.parametrize(("bus", "place"), [({}, "rule/one"), ({"EventBusName": "own"}, "rule/own/one")])
def test_a_rule_of_the_default_bus_is_named_without_it(
    monkeypatch: pytest.MonkeyPatch, bus: dict[str, str], place: str
) -> None:
    monkeypatch.setattr(iam_actions, "extract_resource_arn", iam_actions.extract_resource_arn)
    authorization.name_rules_of_the_default_bus()
    body = json.dumps({"Name": "one"} | bus).encode()
    found = iam_actions.extract_resource_arn("events", "POST", "/", {}, body, {}, "us-east-1", "000000000000")
    assert found == f"arn:aws:events:{PLACE}:{place}"


def test_who_may_delete_a_message_may_delete_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_actions, "extract_iam_action", iam_actions.extract_iam_action)
    authorization.ask_for_a_batch_as_for_one()
    for request in ("DeleteMessageBatch", "DeleteMessage"):
        headers = {"x-amz-target": f"AmazonSQS.{request}"}
        assert iam_actions.extract_iam_action("sqs", "POST", "/", headers, b"{}", {}) == "sqs:DeleteMessage"


def run_state(resource: str, arguments: dict[str, Any], machine: str = MACHINE) -> None:
    state = {"Type": "Task", "Resource": resource, "Parameters": arguments, "End": True}
    execution = {"events": [], "stateMachineArn": machine}
    context = {"State": {"Name": "one"}, "QueryLanguage": "JSONPath", "variables": {}}
    stepfunctions._execute_task(state, {}, execution, context)


def test_a_state_does_what_its_role_may(allow: Callable[..., None], done: list[Any]) -> None:
    authorization.hold_states_to_their_role()
    allow("s3:PutObject", "arn:aws:s3:::results/passed/*")
    run_state(*STORE)
    assert done == [STORE]


@pytest.mark.parametrize("machine", [MACHINE, f"{MACHINE}/listing"], ids=["execution", "child of a map"])
def test_a_state_fails_with_the_error_of_its_service_when_its_role_may_not(
    allow: Callable[..., None], done: list[Any], machine: str
) -> None:
    authorization.hold_states_to_their_role()
    allow("s3:PutObject", "arn:aws:s3:::results/review/*")
    with pytest.raises(stepfunctions._ExecutionError) as raised:
        run_state(*STORE, machine=machine)
    assert raised.value.error == "S3.S3Exception"
    assert "not authorized to perform: s3:PutObject on resource: arn:aws:s3:::results/passed/a.json" in (
        raised.value.cause
    )
    assert done == []


@pytest.mark.parametrize(("key", "error"), [("there", None), ("gone", "S3.S3Exception")])
def test_a_role_that_may_not_list_a_bucket_does_not_learn_that_an_object_is_gone(
    allow: Callable[..., None], done: list[Any], monkeypatch: pytest.MonkeyPatch, key: str, error: str | None
) -> None:
    authorization.hold_states_to_their_role()
    monkeypatch.setitem(s3._buckets, "results", {"objects": {"there": {}}})
    allow("s3:GetObject", "arn:aws:s3:::results/*")
    with nullcontext() if error is None else pytest.raises(stepfunctions._ExecutionError) as raised:
        run_state("arn:aws:states:::aws-sdk:s3:getObject", {"Bucket": "results", "Key": key})
    assert (raised and raised.value.error) == error
    assert len(done) == (error is None)


def test_an_integration_that_is_not_known_is_never_allowed() -> None:
    with pytest.raises(KeyError):
        call_of_state("arn:aws:states:::aws-sdk:iam:createUser", {})


def test_every_integration_has_an_error() -> None:
    services = {action.split(":")[0] for action, _ in INTEGRATIONS.values()}
    assert services == set(authorization.ERRORS)


def test_a_condition_on_a_prefix_holds(allow: Callable[..., None]) -> None:
    allow("s3:ListBucket", "arn:aws:s3:::images", Condition={"StringLike": {"s3:prefix": "incoming/*"}})
    asked = [
        refusal(ROLE, Call("s3:ListBucket", "arn:aws:s3:::images", context)) is None
        for context in ({"s3:prefix": "incoming/a"}, {"s3:prefix": "elsewhere/"}, {})
    ]
    assert asked == [True, False, False]


@pytest.mark.parametrize(
    ("action", "resource", "error"),
    [
        ("s3:ListBucket", "arn:aws:s3:::images", "States.TaskFailed"),
        ("states:StartExecution", MACHINE, "States.ResultWriterFailed"),
    ],
)
def test_a_map_may_not_begin_without_all_it_needs(
    allow: Callable[..., None], done: list[Any], action: str, resource: str, error: str
) -> None:
    authorization.hold_maps_to_their_role()
    allow(action, resource)
    state = {"ResultWriter": {"Parameters": {"Bucket": "results", "Prefix": "backfill/1"}}}
    with pytest.raises(stepfunctions._ExecutionError) as raised:
        stepfunctions._run_distributed_map(state, {}, {}, {}, {"stateMachineArn": MACHINE}, {})
    assert raised.value.error == error


def test_a_map_may_not_list_another_prefix(allow: Callable[..., None], done: list[Any]) -> None:
    authorization.hold_maps_to_their_role()
    allow("s3:ListBucket", "arn:aws:s3:::images", Condition={"StringLike": {"s3:prefix": "incoming/*"}})
    reader = {
        "Resource": "arn:aws:states:::s3:listObjectsV2",
        "Parameters": {"Bucket": "images", "Prefix": "elsewhere/"},
    }
    with_role = authorization._role.set(ROLE)
    try:
        with pytest.raises(stepfunctions._ExecutionError) as raised:
            stepfunctions._read_map_items(reader, {}, {})
    finally:
        authorization._role.reset(with_role)
    assert raised.value.error == "States.ItemReaderFailed"
    assert done == []


@pytest.mark.parametrize(("resource", "delivered"), [(MACHINE, 1), (f"{MACHINE}-other", 0)])
def test_a_rule_starts_what_its_role_may(
    allow: Callable[..., None], done: list[Any], resource: str, delivered: int
) -> None:
    authorization.hold_rules_to_their_targets()
    allow("states:StartExecution", resource)
    eventbridge._invoke_target({"Arn": MACHINE, "RoleArn": ROLE}, {}, {"Arn": "rule"})
    assert len(done) == delivered


@pytest.mark.parametrize(
    ("service", "condition", "delivered"),
    [
        ("events.amazonaws.com", None, 1),
        ("cloudwatch.amazonaws.com", None, 0),
        # EventBridge supports no conditions in the policy of a topic, whether they would hold or not.
        ("events.amazonaws.com", {"ArnEquals": {"aws:SourceArn": "ours"}}, 0),
        ("events.amazonaws.com", {"StringEquals": {"aws:SourceAccount": "000000000000"}}, 0),
        ("events.amazonaws.com", {"Null": {"aws:SourceVpc": "true"}}, 0),
    ],
)
def test_a_rule_reaches_a_topic_that_lets_it_without_a_condition(
    monkeypatch: pytest.MonkeyPatch,
    done: list[Any],
    service: str,
    condition: dict[str, Any] | None,
    delivered: int,
) -> None:
    authorization.hold_rules_to_their_targets()
    let_in(monkeypatch, service, condition)
    eventbridge._invoke_target({"Arn": TOPIC}, {}, {"Arn": "ours"})
    assert len(done) == delivered


@pytest.mark.parametrize(("rule", "delivered"), [("ours", 1), ("another", 0)])
def test_a_rule_reaches_a_queue_under_the_conditions_of_its_policy(
    monkeypatch: pytest.MonkeyPatch, done: list[Any], rule: str, delivered: int
) -> None:
    authorization.hold_rules_to_their_targets()
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
        "Condition": {"ArnEquals": {"aws:SourceArn": "ours"}},
    }
    policy = json.dumps({"Statement": [statement]})
    monkeypatch.setattr(iam_evaluator, "_resource_policy", lambda *_: (policy, True))
    eventbridge._invoke_target({"Arn": QUEUE}, {}, {"Arn": rule})
    assert len(done) == delivered


@pytest.mark.parametrize(
    ("service", "told"), [("cloudwatch.amazonaws.com", [TOPIC]), ("events.amazonaws.com", [])]
)
def test_an_alarm_tells_a_topic_that_lets_it(
    monkeypatch: pytest.MonkeyPatch, done: list[Any], service: str, told: list[str]
) -> None:
    authorization.hold_alarms_to_their_topics()
    let_in(monkeypatch, service, {"StringEquals": {"aws:SourceAccount": "000000000000"}})
    cloudwatch._dispatch_alarm_actions({"AlarmActions": [TOPIC]}, "OK", "ALARM", "a test")
    assert done[0][0]["AlarmActions"] == told


def let_in(monkeypatch: pytest.MonkeyPatch, service: str, condition: dict[str, Any] | None) -> None:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sns:Publish",
        "Resource": TOPIC,
    }
    if condition:
        statement["Condition"] = condition
    policy = json.dumps({"Statement": [statement]})
    monkeypatch.setitem(sns._topics, TOPIC, {"arn": TOPIC, "attributes": {"Policy": policy}})


@pytest.mark.parametrize(
    ("name", "may_list", "answer"), [("there", False, None), ("gone", True, None), ("gone", False, "refused")]
)
def test_that_an_object_is_gone_is_said_to_those_who_may_list(
    monkeypatch: pytest.MonkeyPatch, name: str, may_list: bool, answer: str | None
) -> None:
    def ask(key: str, action: str, *_: object, **__: object) -> str | None:
        return "refused" if action == "s3:ListBucket" and not may_list else None

    monkeypatch.setattr(iam_evaluator, "enforce", ask)
    monkeypatch.setitem(s3._buckets, "images", {"objects": {"there": {}}})
    refusals.hide_what_is_gone()
    arn = f"arn:aws:s3:::images/{name}"
    assert iam_evaluator.enforce("key", "s3:GetObject", "s3", "us-east-1", resource_arn=arn) == answer


@pytest.mark.parametrize(
    ("version", "may_list", "answer"),
    [("v1", False, None), ("purged", True, None), ("purged", False, "refused")],
)
def test_that_a_version_is_gone_is_said_to_those_who_may_list_versions(
    monkeypatch: pytest.MonkeyPatch, version: str, may_list: bool, answer: str | None
) -> None:
    def ask(key: str, action: str, *_: object, **__: object) -> str | None:
        return "refused" if action == "s3:ListBucketVersions" and not may_list else None

    monkeypatch.setattr(iam_evaluator, "enforce", ask)
    monkeypatch.setitem(s3._buckets, "images", {"objects": {"there": {}}})
    monkeypatch.setitem(s3._object_versions, ("images", "there"), [{"version_id": "v1"}])
    request = SimpleNamespace(query_params={"versionId": [version]})
    monkeypatch.setattr(iam_evaluator, "_signed_request", SimpleNamespace(get=lambda: request))
    refusals.hide_what_is_gone()
    arn = "arn:aws:s3:::images/there"
    assert iam_evaluator.enforce("key", "s3:GetObjectVersion", "s3", "us-east-1", resource_arn=arn) == answer
