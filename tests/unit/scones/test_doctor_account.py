"""`scones doctor`: the quotas of an account."""

from typing import Any

import pytest

from scones.doctor.account import check_lambda, check_serverless, check_step_functions
from scones.doctor.findings import Level
from tests.fakes.stubbed_clients import Refusal, stubbed

ABSENT = Refusal("NoSuchResourceException")


def account(concurrent: int, unreserved: int) -> Any:
    limit = {"ConcurrentExecutions": concurrent, "UnreservedConcurrentExecutions": unreserved}
    return stubbed("lambda", ("get_account_settings", {"AccountLimit": limit}))


def quota(value: float) -> tuple[str, dict[str, Any]]:
    return "get_service_quota", {"Quota": {"Value": value}}


def test_a_new_account_is_warned_of_ten_functions_and_told_how_to_get_more() -> None:
    finding = check_lambda(account(10, 10))
    assert finding.level is Level.WARNING
    assert "10 functions may run at once" in finding.message
    assert "--service-code lambda --quota-code L-B99A9384" in str(finding.next_step)


@pytest.mark.parametrize(
    ("unreserved", "said"), [(1000, "may be up to 900"), (101, "may be up to 1"), (100, "must stay 0")]
)
def test_what_classify_may_reserve_leaves_lambda_its_hundred(unreserved: int, said: str) -> None:
    finding = check_lambda(account(1000, unreserved))
    assert finding.level is Level.OK
    assert finding.message.endswith(f"ClassifyConcurrency {said}")


def test_step_functions_carries_what_its_narrower_quota_lets_through() -> None:
    finding = check_step_functions(stubbed("service-quotas", quota(300), quota(5000), quota(1_000_000)))
    assert finding.level is Level.OK
    assert finding.message.startswith("300 images/s (300 starts/s, 5,000 state transitions/s)")


@pytest.mark.parametrize(
    ("starts", "transitions", "open_executions", "code"),
    [
        (300, 25, 1_000_000, "L-AD9B4E93"),
        (2, 5000, 1_000_000, "L-1B55A735"),
        (300, 5000, 1000, "L-B8A5B662"),
    ],
)
def test_a_narrow_quota_of_step_functions_is_a_warning_that_names_it(
    starts: float, transitions: float, open_executions: float, code: str
) -> None:
    client = stubbed("service-quotas", quota(starts), quota(transitions), quota(open_executions))
    finding = check_step_functions(client)
    assert finding.level is Level.WARNING
    assert code in str(finding.next_step)


def test_a_quota_that_has_only_a_default_is_read_there() -> None:
    default = ("get_aws_default_service_quota", {"Quota": {"Value": 10.0}})
    finding = check_serverless(stubbed("service-quotas", ("get_service_quota", ABSENT), default))
    assert finding.level is Level.OK
    assert finding.message.startswith("10 requests at once")


def test_a_region_without_the_quota_is_a_warning() -> None:
    answers = (("get_service_quota", ABSENT), ("get_aws_default_service_quota", ABSENT))
    assert check_serverless(stubbed("service-quotas", *answers)).level is Level.WARNING
    assert check_step_functions(stubbed("service-quotas", *answers * 3)).level is Level.WARNING


def test_fewer_serverless_requests_than_a_deploy_asks_for_are_a_warning() -> None:
    finding = check_serverless(stubbed("service-quotas", quota(5)))
    assert finding.level is Level.WARNING
    assert "--max-concurrency 5" in str(finding.next_step)
    assert "--quota-code L-96300102" in str(finding.next_step)
