"""Versions and aliases of a workflow behave in the emulator as on AWS."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core import iam_evaluator

from scones.local.ministack import workflow_versions

WORKFLOW = "arn:aws:states:us-east-1:123456789012:stateMachine:triage"
LIVE_ONLY = {"StringEquals": {"states:StateMachineQualifier": "live"}}


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
