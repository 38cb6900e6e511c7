"""`scones cost`: what each thing costs, what is not known, what would cut it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner, Result

from scones.cli import main
from tests.fakes.command_contract import check_output
from tests.unit.scones.cost.fake_account import FakeAccount

type Cost = Callable[..., Result]

HOURS = 720


@pytest.fixture
def account() -> FakeAccount:
    return FakeAccount()


@pytest.fixture
def run(account: FakeAccount, monkeypatch: pytest.MonkeyPatch) -> Cost:
    monkeypatch.setattr("scones.cost.command.connect", lambda _target: account)

    def cost(*arguments: str) -> Result:
        return CliRunner(mix_stderr=False).invoke(main, ["cost", "--stack", "scones", *arguments])

    return cost


@pytest.fixture
def lines(run: Cost) -> Callable[..., dict[str, Any]]:
    def document(*arguments: str) -> dict[str, Any]:
        result = run("--json", *arguments)
        assert result.exit_code == 0, result.output
        check_output("cost", result.stdout)
        found = dict(json.loads(result.stdout))
        return found | {"by_key": {line["key"]: line for line in found["lines"]}}

    return document


def dollars(document: dict[str, Any], key: str) -> float | None:
    found: float | None = document["by_key"][key]["dollars"]
    return found


def test_each_line_is_its_quantity_times_its_price(lines: Callable[..., dict[str, Any]]) -> None:
    """By hand from AWS's list prices, for 1,000 images of which 800 passed, and 100 calls that were repeated."""
    document = lines()
    month = HOURS / 730
    expected = {
        "states": (800 * 7 + 200 * 9 + 100) * 0.025 / 1000,
        "lambda.Serialize": 1000 * 0.20 / 1e6 + 100 * 0.0000166667,
        "lambda.Classify": 1100 * 0.20 / 1e6 + 100 * 0.0000166667,
        "dynamodb.write": 5200 * 0.625 / 1e6,
        "dynamodb.read": 800 * 0.125 / 1e6,
        "dynamodb.storage": (5 * 0.25 + 4 * 0.20) * month,
        "s3.requests": 1000 * (2 * 0.005 / 1000 + 0.0004 / 1000),
        "s3.storage.ResultsBucket": 2 * 0.023 * month,
        "events.uploads": 0.001,
        "events.results": 0.001,
        "sns": 200 * 0.5 / 1e6 + 200 * 2 / 1e5,
        "logs": 0.005 * 0.5,
        "logs.storage": 3 * 0.03 * month,
        "metrics": 10 * 0.3 * month,
        "alarms": 3 * 0.1 * month,
        "dashboards": 3 * month,
        "secrets": 0.4 * month,
        "traces": 1000 * 5 / 1e6,
        "endpoint.live": 2 * HOURS * 0.115,
    }
    for key, value in expected.items():
        # The period begins with a full hour.
        assert dollars(document, key) == pytest.approx(value, rel=2 / HOURS), key
    assert set(expected) | {"lambda.Filter"} == set(document["by_key"])
    assert document["complete"] is True
    assert document["images"] == 1000
    assert document["dollars"] == pytest.approx(sum(line["dollars"] for line in document["lines"]))
    assert document["dollars_per_image"] == pytest.approx(document["dollars"] / 1000)
    assert sum(document["services"].values()) == pytest.approx(document["dollars"])
    assert next(iter(document["services"])) == "SageMaker", "the dearest first"
    assert document["dollars_per_month"] == pytest.approx(document["dollars"] * 730 / HOURS, rel=2 / HOURS)


def test_an_execution_without_an_outcome_is_three_states_and_an_event(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    """A stack that excludes the thumbnails of its bucket starts one for each of them, which ends at once."""
    account.metrics["ExecutionsStarted"] = 4000.0
    document = lines()
    assert dollars(document, "states") == pytest.approx((800 * 7 + 200 * 9 + 3000 * 3 + 100) * 0.025 / 1000)
    assert dollars(document, "events.uploads") == pytest.approx(0.004)
    assert "3 for each of 3,000 without an outcome" in document["by_key"]["states"]["note"]
    assert "no metric counts" in document["by_key"]["events.uploads"]["note"]


def test_what_has_no_data_is_not_known_and_never_zero(
    account: FakeAccount, lines: Callable[..., dict[str, Any]], run: Cost
) -> None:
    account.metrics.clear()
    document = lines()
    missing = {line["key"]: line["note"] for line in document["lines"] if line["dollars"] is None}
    assert {"states", "lambda.Serialize", "dynamodb.write", "logs", "sns", "events.uploads"} <= missing.keys()
    assert all(missing.values()), "each says why"
    assert document["complete"] is False
    assert document["dollars_per_image"] is None
    printed = run().stdout
    assert "not known\t\tno data in AWS/Lambda" in printed
    assert "$0.00" not in printed


@pytest.mark.parametrize("missing", ["classify.Invocations", "ExecutionsStarted"])
def test_a_person_reads_that_a_sum_is_a_lower_bound(
    account: FakeAccount, run: Cost, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert "at least" not in run().stdout
    del account.metrics[missing]
    printed = run().stdout
    assert "an image                  at least $0." in printed
    assert "a month like these        at least $" in printed
    assert "not known                 " in printed


def test_the_prices_are_of_a_region_and_a_day_that_are_said(account: FakeAccount, run: Cost) -> None:
    assert "List prices of us-east-1, read on 2026-" in run().stderr
    assert "whose prices differ" not in run().stderr
    account.region = "eu-central-1"
    assert "this stack is in eu-central-1, whose prices differ" in run().stderr


def test_a_serverless_endpoint_costs_its_seconds_times_its_memory(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    account.variant = {"ServerlessConfig": {"MemorySizeInMB": 3072, "MaxConcurrency": 5}}
    assert dollars(lines(), "endpoint.live") is None, "it was not asked, or there is no metric"
    account.metrics |= {"ModelLatency": 50e6, "ModelSetupTime": 10e6, "Invocations": 1000.0}
    assert dollars(lines(), "endpoint.live") == pytest.approx(60 * 3 * 0.00002)


def test_an_instance_without_a_price_asks_for_one(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    account.variant["InstanceType"] = "ml.c7i.large"
    line = lines()["by_key"]["endpoint.live"]
    assert (line["dollars"], "--endpoint-hour" in line["note"]) == (None, True)
    assert dollars(lines("--endpoint-hour", "0.1"), "endpoint.live") == pytest.approx(144, rel=2 / HOURS)


def test_an_endpoint_that_cannot_be_described_is_not_known(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    account.endpoint_error = "AccessDeniedException"
    line = lines()["by_key"]["endpoint"]
    assert line["dollars"] is None
    assert "not allowed to call DescribeEndpoint" in line["note"]


def test_the_largest_lines_have_a_cut_with_what_it_saves(
    account: FakeAccount, lines: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch, run: Cost
) -> None:
    document = lines()
    (cut,) = document["cuts"]
    assert cut["key"] == "endpoint.live"
    assert "nobody asked it" in cut["do"]
    assert cut["saves"] == dollars(document, "endpoint.live")
    account.metrics |= {"the-endpoint.Invocations": 1000.0, "ModelLatency": 10e6}
    (cut,) = lines()["cuts"]
    assert "serverless" in cut["do"]
    assert cut["saves"] == pytest.approx(2 * HOURS * 0.115 - 10 * 2 * 0.00002, rel=2 / HOURS)
    monkeypatch.setenv("COLUMNS", "200")
    assert "To cut endpoint, 2 x ml.m5.large: a new serverless endpoint" in run().stdout


def test_states_that_dominate_would_be_cut_by_express(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    account.endpoint_error = "AccessDeniedException"
    million = {"Passed": 1e6, "ExecutionsStarted": 1e6, "ExecutionTime": 5e8, "classify.Invocations": 1e6}
    account.metrics |= million | {"Review": 0.0, "serialize.Invocations": 1e6, "filter.Invocations": 1e6}
    document = lines()
    cut = document["cuts"][0]
    assert cut["key"] == "states"
    express = 1e6 * 1e-6 + 5e5 * 64 / 1024 * 0.00001667
    assert cut["saves"] == pytest.approx(1e6 * 7 * 0.000025 - express)


def test_the_period_begins_when_the_stack_was_made(
    account: FakeAccount, lines: Callable[..., dict[str, Any]]
) -> None:
    account.made = datetime.now(UTC) - timedelta(days=2)
    document = lines()
    since = datetime.fromisoformat(document["since"])
    assert since == account.made.replace(minute=0, second=0, microsecond=0)
    assert account.asked[0]["StartTime"] == since
    assert dollars(document, "dashboards") == pytest.approx(3 * 48 / 730, rel=0.05)


@pytest.mark.parametrize(
    ("since", "said"), [("456d", "CloudWatch keeps metrics for 455 days"), ("2100-01-01", "not in the past")]
)
def test_a_period_without_metrics_is_refused(run: Cost, since: str, said: str) -> None:
    result = run("--since", since)
    assert result.exit_code == 2
    assert said in result.stderr


def test_half_an_answer_of_cloudwatch_is_refused(account: FakeAccount, run: Cost) -> None:
    account.status = "Forbidden"
    result = run()
    assert result.exit_code == 2
    assert "CloudWatch did not answer for all metrics" in result.stderr
