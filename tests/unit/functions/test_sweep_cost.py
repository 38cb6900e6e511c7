"""What a day of sweeps costs: at most ten cents for 10,000 images a day, however many objects the bucket holds."""

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sweep.cycle import PAGES_PER_RUN
from sweep.rescue import Clients, Rescue
from sweep.run import Run
from sweep.settings import Settings
from tests.unit.functions.environment import SETTINGS
from tests.unit.functions.sweep_bill import PAGE, Bill, BilledBucket, BilledTable

BUDGET = 0.10
IMAGES_A_DAY, LOST_A_DAY, EVERY = 10_000, 20, timedelta(minutes=15)
RUNS_A_DAY = timedelta(days=1) // EVERY
BEGIN = datetime(2026, 11, 26, tzinfo=UTC)


@dataclass
class Account:
    """A bucket that got 10,000 images a day for fourteen days, and gets them for one more."""

    old_ones: int = 0
    now: datetime = BEGIN
    bill: Bill = field(default_factory=Bill)
    run: Run | None = None

    def __post_init__(self) -> None:
        chance = random.Random(1)  # noqa: S311
        days = 15
        keys = sorted(f"incoming/{chance.getrandbits(64):016x}.jpg" for _ in range(IMAGES_A_DAY * days))
        times = [BEGIN - timedelta(days=days - 1 - days * chance.random()) for _ in keys]
        arrived = dict(zip(keys, times, strict=True))
        coming = [key for key in keys if arrived[key] > BEGIN]
        lost = set(coming[:LOST_A_DAY])
        self.table = BilledTable(self.bill, arrived, lost)
        bucket: Any = BilledBucket(self.bill, keys, arrived, lambda: self.now, self.old_ones)
        table: Any = self.table
        self.clients = Clients(bucket, table, table, table, table, table)
        self.settings = Settings.from_environment(SETTINGS["sweep"])

    def sweep(self, runs: int) -> None:
        for _ in range(runs):
            self.now += EVERY
            self.bill.requests["run"] += 1
            rescue = Rescue(self.clients, self.settings)
            self.run = Run(rescue, self.settings, lambda: 300_000, self.now)
            self.run.sweep({})


@pytest.fixture(scope="module")
def a_day() -> Account:
    account = Account()
    account.sweep(RUNS_A_DAY)
    return account


@pytest.mark.slow
def test_a_day_of_sweeps_costs_at_most_ten_cents(a_day: Account) -> None:
    assert sum(a_day.bill.dollars.values()) <= BUDGET
    assert a_day.bill.requests["list"] == pytest.approx(4 * 145, abs=8), "four cycles of all objects"
    assert a_day.bill.read_units >= 4 * 135_000 * 0.5, (
        "the claim of each object younger than SweepDays, each time"
    )
    assert a_day.bill.requests["start"] >= LOST_A_DAY * 0.6, "those lost before the last cycle were found"


@pytest.mark.slow
def test_the_capacity_page_says_what_it_costs(root: Path, a_day: Account) -> None:
    (row,) = [
        line
        for line in (root / "docs" / "capacity.md").read_text().splitlines()
        if "The sweep, a day" in line
    ]
    assert f"${sum(a_day.bill.dollars.values()):.2f} " in row


@pytest.mark.slow
def test_a_hundred_million_objects_make_the_cycle_longer_and_not_the_day_dearer(a_day: Account) -> None:
    """Two hours of it, times twelve: each run does the same until the cycle is over, in thirteen days."""
    old_ones = 100_000_000 // (IMAGES_A_DAY * 15)
    account = Account(old_ones)
    account.sweep(8)
    assert account.bill.requests["list"] == 8 * PAGES_PER_RUN
    assert account.run is not None
    assert account.run.cursor is not None
    assert account.run.cursor.finished is None, "the cycle goes on"
    assert account.run.cursor.length(account.now) == EVERY * 7
    whole = timedelta(days=(old_ones + 1) * IMAGES_A_DAY * 15 / PAGE / PAGES_PER_RUN / RUNS_A_DAY)
    assert timedelta(days=12) < whole < timedelta(days=14)
    dollars = {name: 12 * price for name, price in account.bill.dollars.items()}
    assert sum(dollars.values()) <= BUDGET
    assert dollars["reads"] < a_day.bill.dollars["reads"], "claims of old objects are not read"


def test_an_idle_day_costs_a_tenth_of_a_cent_of_reads() -> None:
    account = Account()
    account.table.lost.clear()
    bucket: Any = BilledBucket(account.bill, [], {}, lambda: account.now)
    account.clients = replace(account.clients, s3=bucket)
    account.sweep(RUNS_A_DAY)
    assert account.bill.requests["list"] == 4
    assert account.bill.requests["query"] == RUNS_A_DAY * 16 * 4, (
        "each shard: what is overdue, the oldest, decisions to be recorded, the oldest that waits for a person"
    )
    assert account.bill.dollars["reads"] < 0.001
