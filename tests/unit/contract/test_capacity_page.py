"""docs/capacity.md: derived tables are those that `make docs` writes, and what a stack costs stays in its bounds."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from scones.cost.price_table import read_prices
from tests.fakes.emitted_metrics import ALL, EMITTED, LABEL, REASON, RELEASE
from tools.derived_costs import FOOTPRINT, PAGE, alarm_metrics, day_rows, derived, idle_rows

IDLE_MONTH, WATCHING_MONTH = 10, 20
LABELS, REASONS = 2, 4


@pytest.fixture(scope="module")
def footprint(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / FOOTPRINT).read_text()))


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / PAGE).read_text()


def test_the_tables_are_those_that_make_docs_writes(root: Path, page: str) -> None:
    assert page == derived(root)


def test_an_idle_stack_costs_at_most_ten_dollars_a_month(footprint: dict[str, Any]) -> None:
    assert sum(dollars for _, dollars in idle_rows(footprint)) <= IDLE_MONTH
    swept = len(EMITTED["sweep"][ALL]) + 1
    assert 0 < footprint["idle_metrics"] <= swept, "all that the sweep can send, and its cold start"
    at_most = sum(dollars for _, dollars in idle_rows(footprint | {"idle_metrics": swept}))
    assert at_most <= IDLE_MONTH, "even if the sweep sends every metric that it has"


def test_watching_a_stack_at_work_costs_at_most_twenty_dollars_a_month() -> None:
    """All metrics with data all the time, every alarm on, the dashboard."""
    values = {ALL: 1, LABEL: LABELS, REASON: REASONS, RELEASE: 1}
    metrics = sum(len(names) * values[by] for one in EMITTED.values() for by, names in one.items())
    metrics += len(EMITTED) + 2  # a cold start of each function; the workflow's failures, of the release too
    unit = read_prices().unit
    month = metrics * unit["metric_month"] + alarm_metrics(off=True) * unit["alarm_metric_month"]
    assert month + unit["dashboard_month"] <= WATCHING_MONTH


def test_claims_take_the_write_units_that_are_priced(footprint: dict[str, Any]) -> None:
    for outcome in footprint["outcomes"].values():
        assert outcome["claims_over_a_write_unit"] == 0
        assert outcome["log_bytes"] > 0


def test_the_readme_says_what_a_day_of_ten_thousand_images_costs(
    root: Path, page: str, footprint: dict[str, Any]
) -> None:
    said = re.search(r"10,000 images a day cost about \$([\d.]+) a\s+day", (root / "README.md").read_text())
    assert said is not None
    day = sum(row.days[0] for row in day_rows(page, footprint))
    assert float(said[1]) == pytest.approx(day, abs=0.05)
