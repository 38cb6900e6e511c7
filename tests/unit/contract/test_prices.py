"""The table of prices: each has its page of AWS and how it was read; the same number is used everywhere."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scones.cost import bill


@pytest.fixture(scope="module")
def table(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "scones" / "cost" / "prices.json").read_text()))


def test_each_price_says_where_and_how_it_was_read(table: dict[str, Any]) -> None:
    assert date.fromisoformat(table["read_on"]) <= date.today()  # noqa: DTZ011
    for name, price in [*table["prices"].items(), ("endpoint_hours", table["endpoint_hours"])]:
        assert re.match(r"https://(docs\.)?aws\.amazon\.com/", price["source"]), name
        assert price["how"] in table["how"], name
    assert all(price["dollars"] > 0 for price in table["prices"].values())
    assert all(hour > 0 for hour in table["endpoint_hours"]["dollars"].values())


def test_every_price_is_used_and_every_used_price_is_there(root: Path, table: dict[str, Any]) -> None:
    used = set()
    for path in [*(root / "scones" / "cost").glob("*.py"), root / "tools" / "derived_costs.py"]:
        used |= set(re.findall(r"unit\[\"(\w+)\"\]", path.read_text()))
        used |= set(re.findall(r", \"(\w+_month)\"\)", path.read_text()))
    used |= {"dynamodb_write_unit", "dynamodb_read_unit"}
    assert used == set(table["prices"])


def test_the_states_of_each_outcome_are_those_of_the_capacity_page(root: Path) -> None:
    """Which a test counts in the workflow (`tests/workflow`)."""
    lines = (root / "docs" / "capacity.md").read_text().splitlines()
    for counts, row in ((bill.STATES, "| states entered"), (bill.CALLS, "| Lambda invocations")):
        (line,) = [one for one in lines if one.startswith(row)]
        assert list(counts.values()) == [int(cell) for cell in line.split("|")[2:6]]
