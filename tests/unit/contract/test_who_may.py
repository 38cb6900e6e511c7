"""Who may do what, by MiniStack's evaluator of policies: what `tests.static.who_may` says, and nothing else."""

from __future__ import annotations

import functools

import pytest
from ministack.core import iam_evaluator

from scones.local.ministack import condition_keys
from tests.static.policies import ACCOUNT, REGION, documents_of_roles, grants
from tests.static.who_may import (
    BREAKER,
    FUNCTIONS,
    RESOURCES,
    WHO_MAY,
    WORKFLOW,
    WORKFLOWS,
    expected,
    questions,
)


@pytest.fixture(autouse=True)
def _sets_as_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_resolve_condition_key", "_evaluate_single_condition"):
        monkeypatch.setattr(iam_evaluator, name, getattr(iam_evaluator, name))
    condition_keys.require_set_operators()


def may(role: str, action: str, resource: str) -> bool:
    arn, context = RESOURCES[resource]
    question = iam_evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/test",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=arn,
        region=REGION,
        service_context={key.lower(): value for key, value in context.items()},
    )
    return bool(iam_evaluator.evaluate(question, [parsed(role)]).decision == "Allow")


@functools.cache
def parsed(role: str) -> list[iam_evaluator.ParsedStatement]:
    return list(iam_evaluator.parse_policy_document(documents_of_roles()[role]))


@pytest.mark.parametrize("role", documents_of_roles())
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str) -> None:
    allowed = {(action, resource) for action, resource in questions() if may(role, action, resource)}
    assert allowed == expected(role)


def test_no_role_is_missing() -> None:
    assert set(documents_of_roles()) == {role for roles in WHO_MAY.values() for role in roles}


def test_what_has_no_resource_is_for_logs_traces_and_metrics_alone() -> None:
    having = {(grant.owner, grant.action.split(":")[0]) for grant in grants() if grant.resource == "*"}
    logs = {(role, "logs") for role in WORKFLOWS}
    assert having == logs | {(role, "xray") for role in FUNCTIONS - {BREAKER} | WORKFLOWS} | {
        (role, "cloudwatch") for role in (WORKFLOW, BREAKER)
    }
