"""A condition on a key with a set of values holds under a set operator only."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ministack.core import iam_evaluator

from scones.local.ministack import condition_keys, workflow_versions

WORKFLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:triage"
QUALIFIER = "states:StateMachineQualifier"


@pytest.fixture(autouse=True)
def _as_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("evaluate", "_resolve_condition_key", "_evaluate_single_condition"):
        monkeypatch.setattr(iam_evaluator, name, getattr(iam_evaluator, name))
    workflow_versions.ask_permission_on_the_workflow()
    condition_keys.require_set_operators()


def allowed(condition: dict[str, Any], started: str, **context: Any) -> bool:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    question = iam_evaluator.EvalContext(
        principal_arn="arn:aws:iam::123456789012:role/sweep",
        principal_type="AssumedRole",
        principal_account="123456789012",
        action="states:StartExecution",
        resource_arn=started,
        region="us-east-1",
        **context,
    )
    policy = iam_evaluator.parse_policy_document({"Statement": [statement]})
    return bool(iam_evaluator.evaluate(question, [policy]).decision == "Allow")


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("StringEquals", "live", False),
        ("StringLike", "*", False),
        ("StringNotEquals", "another", False),
        ("StringEqualsIfExists", "live", False),
        ("ForAnyValue:StringEquals", "live", True),
        ("ForAnyValue:StringEquals", "another", False),
        ("ForAnyValue:StringLike", "l*", True),
        ("ForAllValues:StringEquals", "live", True),
        ("ForAllValues:StringEquals", "another", False),
        ("Null", "false", True),
        ("Null", "true", False),
    ],
)
def test_an_alias_is_named_under_a_set_operator_only(operator: str, value: str, expected: bool) -> None:
    assert allowed({operator: {QUALIFIER: value}}, f"{WORKFLOW}:live") is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [("StringEquals", False), ("StringEqualsIfExists", True), ("ForAnyValue:StringEquals", False)],
)
def test_the_workflow_itself_carries_no_qualifier(operator: str, expected: bool) -> None:
    assert allowed({operator: {QUALIFIER: "live"}}, WORKFLOW) is expected


def test_a_set_that_a_service_gives_as_one_string_is_a_set_too() -> None:
    context = {"service_context": {"dynamodb:leadingkeys": "one"}}
    asked = [
        allowed({operator: {"dynamodb:LeadingKeys": "one"}}, WORKFLOW, **context)
        for operator in ("StringEquals", "ForAnyValue:StringEquals")
    ]
    assert asked == [False, True]


def test_a_single_value_needs_no_set_operator() -> None:
    assert allowed({"StringEquals": {"aws:RequestedRegion": "us-east-1"}}, WORKFLOW)


@pytest.mark.parametrize(
    ("request_", "attributes"),
    [
        ({"Key": {"image_key": {"S": "a"}, "etag": {"S": "b"}}}, {"image_key", "etag"}),
        ({"ProjectionExpression": "label, #d[0].at, a.b", "ExpressionAttributeNames": {"#d": "decisions"}},
         {"label", "decisions", "a"}),
        ({"KeyConditionExpression": "state_shard = :shard AND state_since BETWEEN :a AND :b"},
         {"state_shard", "state_since"}),
        ({"FilterExpression": "NOT contains(reason, :r) or outcome in (:a, :b)"}, {"reason", "outcome"}),
        ({"UpdateExpression": "SET decision = :id, decisions = list_append(if_not_exists(decisions, :none), :new) "
          "REMOVE lease_by ADD sweeps :one"}, {"decision", "decisions", "lease_by", "sweeps"}),
        ({"UpdateExpression": "SET a=:a", "ConditionExpression":
          "attribute_not_exists(label) AND (size(decisions)<:most OR begins_with (b, :p))"},
         {"a", "label", "decisions", "b"}),
        ({"Item": {"image_key": {"S": "a"}, "label": {"S": "b"}}}, {"image_key", "label"}),
        ({"AttributesToGet": ["label"]}, {"label"}),
        ({}, set()),
    ],
)  # fmt: skip
def test_a_request_to_dynamodb_carries_all_attributes_that_it_names(
    request_: dict[str, Any], attributes: set[str]
) -> None:
    carried = condition_keys.keys_of_dynamodb(json.dumps(request_).encode())
    assert set(carried.get("dynamodb:Attributes", [])) == attributes


@pytest.mark.parametrize(
    ("request_", "carried"),
    [
        ({}, {"dynamodb:Select": "ALL_ATTRIBUTES"}),
        ({"Select": "COUNT"}, {"dynamodb:Select": "COUNT"}),
        ({"UpdateExpression": "REMOVE a", "ReturnValues": "ALL_OLD"}, {"dynamodb:ReturnValues": "ALL_OLD"}),
        ({"UpdateExpression": "REMOVE a"}, {"dynamodb:ReturnValues": "NONE"}),
        ({"Item": {}}, {"dynamodb:ReturnValues": "NONE"}),
    ],
)
def test_reads_carry_what_they_select_and_writes_what_they_return(
    request_: dict[str, Any], carried: dict[str, str]
) -> None:
    found = condition_keys.keys_of_dynamodb(json.dumps(request_).encode())
    assert {key: value for key, value in found.items() if key != "dynamodb:Attributes"} == carried


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_not_a_request_carries_no_attributes(body: bytes) -> None:
    assert "dynamodb:Attributes" not in condition_keys.keys_of_dynamodb(body)
