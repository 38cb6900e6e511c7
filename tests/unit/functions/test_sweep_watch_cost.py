"""What the watch costs at a million images a day, of which 20,000 are drawn, whoever decides about them and when."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sweep.images import iso_text
from sweep.rescue import Clients
from sweep.settings import Settings
from sweep.watching import watch_promise
from tests.unit.functions.environment import SETTINGS
from tests.unit.functions.sweep_bill import Bill, size_of

EVERY, RUNS_A_DAY, DRAWN_A_DAY, SHARDS = timedelta(minutes=15), 96, 20_000, 16
BEGIN = datetime(2026, 11, 26, tzinfo=UTC)
BUDGET = 0.01


@dataclass
class Draws:
    """The index with the draws of two days, the watch's item, the live value; people decided up to `decided`."""

    bill: Bill = field(default_factory=Bill)
    decided: str = ""
    stored: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        step = timedelta(days=1) / DRAWN_A_DAY
        times = [iso_text(BEGIN + number * step) for number in range(2 * DRAWN_A_DAY)]
        self.times = {f"drawn#{shard}": times[shard::SHARDS] for shard in range(SHARDS)}
        self.decided = times[-1]

    def get_parameter(self, **_: Any) -> Any:
        return {"Parameter": {"Value": "0.8"}}

    def get_item(self, **_: Any) -> Any:
        self.bill.read(size_of(self.stored), size_of(self.stored))
        return {"Item": self.stored}

    def put_item(self, *, Item: Any, **_: Any) -> None:  # noqa: N803
        self.stored = Item
        self.bill.write(size_of(Item))

    def query(self, **request: Any) -> Any:
        self.bill.requests["query"] += 1
        limit, start = request["Limit"], request.get("ExclusiveStartKey", 0)
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        times = self.times[values[":shard"]]
        first = start or bisect_left(times, values[":first"])
        last = bisect_right(times, values[":last"])
        items = [self._item(at) for at in times[first : min(last, first + limit)]]
        self.bill.read(sum(map(size_of, items)))
        more = {"LastEvaluatedKey": first + limit} if first + limit < last else {}
        return {"Items": items} | more

    def _item(self, at: str) -> dict[str, Any]:
        """Return an entry as long as they are, with the names of a reviewer and an endpoint."""
        verdict = {"label": {"S": "bicycle"}, "confidence": {"N": "0.9731234"}, "passed": {"BOOL": True}}
        more = {
            "model_version": {"S": "v" * 64},
            "endpoint": {"S": "e" * 30},
            "labels": {"S": "bicycle,motorcycle"},
        }
        decision = {"label": {"S": "bicycle"}, "at": {"S": at}, "by": {"S": "a" * 100}, "id": {"S": "1" * 32}}
        item = {
            "image_key": {"S": f"incoming/{at}{'k' * 20}.jpg"},
            "etag": {"S": "e" * 32},
            "draw_at": {"S": at},
        }
        entries = {"decisions": {"L": [{"M": decision}]}} if at <= self.decided else {}
        return item | {"draw": {"M": verdict | more}} | entries


def live(draws: Draws, runs: Iterable[int]) -> None:
    clients: Any = Clients(*[draws] * 6)  # type: ignore[arg-type]
    settings = replace(Settings.from_environment(SETTINGS["sweep"]), audit_share=0.02, promised_error=0.01)
    for run in runs:
        draws.bill.requests["run"] += 1
        watch_promise(clients, settings, BEGIN + run * EVERY, lambda: True)


def test_a_day_in_which_people_keep_up_costs_less_than_a_cent(root: Path) -> None:
    draws = Draws()
    live(draws, range(RUNS_A_DAY + 1))
    dollars = sum(draws.bill.dollars.values())
    assert dollars <= BUDGET
    row = next(
        line
        for line in (root / "docs" / "capacity.md").read_text().splitlines()
        if "The watch, a day" in line
    )
    assert f"| ${dollars:.3f} |" in row
    assert f"{draws.bill.read_units:,.0f} read units" in row


def test_a_day_in_which_nobody_decides_costs_no_more() -> None:
    """Then every run reads the first page of each shard, and stops at the first image."""
    draws = Draws()
    draws.decided = ""
    live(draws, range(RUNS_A_DAY + 1))
    assert draws.bill.requests["query"] <= (RUNS_A_DAY + 1) * SHARDS
    assert sum(draws.bill.dollars.values()) <= BUDGET


def test_a_backlog_of_a_day_is_counted_within_five_runs() -> None:
    draws = Draws()
    live(draws, [0])
    live(draws, range(RUNS_A_DAY, RUNS_A_DAY + 5))
    assert json.loads(draws.stored["watch"]["S"])["passes"] >= DRAWN_A_DAY
