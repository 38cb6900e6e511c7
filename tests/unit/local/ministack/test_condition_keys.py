"""A condition on a key with a set of values holds under a set operator only."""

from __future__ import annotations

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
