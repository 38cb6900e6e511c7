"""The simulation behind docs/scale.md: what can be calculated by hand, and the page's tables."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from tools.scale.page import CHECK, DEFAULT, EXPRESS, PAGE, first_rows, outage_rows, quota_rows, simulated_row
from tools.scale.quotas import QUOTAS, met_first
from tools.scale.simulation import Account, Bucket, Retry, simulate, steady

FREE = Account(None, None, 1_000_000, (0.1, 0.05, 0.05), 1_000_000)


def test_a_bucket_gives_what_it_has_at_once_and_the_rest_as_it_fills() -> None:
    bucket = Bucket(10, 2)
    assert [bucket.take(0.0) for _ in range(12)] == pytest.approx([0.0] * 10 + [0.5, 1.0])
    assert bucket.take(100.0, tokens=4) == 100.0, "full again"
    assert bucket.take(100.0, tokens=8) == pytest.approx(101.0)


def test_without_limits_an_image_takes_the_sum_of_its_steps() -> None:
    run = simulate(steady(50, 10), FREE)
    assert run.took_s == pytest.approx([0.3] * len(run.took_s))
    assert run.attempts_each == 3


def test_a_burst_is_started_as_the_capacity_page_says(root: Path) -> None:
    """10,000 at once: (10,000 - 1,300) / 300 = 29 s."""
    assert "(10,000 - 1,300) / 300 = 29 s" in (root / "docs" / "capacity.md").read_text()
    run = simulate([0.0] * 10_000, replace(FREE, starts=(1_300, 300)))
    assert run.quantile(1) == pytest.approx(29.3, abs=0.1)


def test_an_image_enters_seven_states() -> None:
    run = simulate([0.0] * 100, replace(FREE, states=(1, 70)))
    assert run.quantile(1) == pytest.approx(10, abs=0.5)


def test_a_throttled_call_is_repeated_with_full_jitter() -> None:
    """Both tries of a call are throttled at 0.6: 1 / (1 - 0.36) calls an image."""
    run = simulate(steady(100, 50), replace(FREE, refused=0.6))
    assert run.attempts_each - 2 == pytest.approx(1 / (1 - 0.36), rel=0.05)
    chance = random.Random(1)  # noqa: S311
    waits = [Retry().delay(20, chance) for _ in range(2000)]
    assert 0 <= min(waits) < 10
    assert sum(waits) / len(waits) == pytest.approx(150, rel=0.05)
    assert max(waits) <= 300
    assert max(Retry().delay(1, chance) for _ in range(100)) <= 1


def test_the_retry_policy_is_that_of_the_definition(root: Path) -> None:
    states = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())["States"]
    for name in ("Serialize image", "Classify", "Filter"):
        first = states[name]["Retry"][0]
        assert first["JitterStrategy"] == "FULL"
        assert Retry(first["IntervalSeconds"], first["BackoffRate"], first["MaxDelaySeconds"]) == Retry()


def test_a_client_that_waits_holds_its_function() -> None:
    """Each call is throttled once or more, and waits 0.5 s on average: two functions serve four calls a second."""
    always_once = replace(FREE, seconds=(0.0, 0.0, 0.0), concurrency=2, queues=True, refused=0.5, other_s=0.0)
    held = simulate([0.0] * 400, always_once)
    assert held.quantile(0.5) > 20
    assert simulate([0.0] * 400, replace(always_once, concurrency=1000)).quantile(0.5) < 2


def test_functions_without_a_place_are_called_again_until_all_have_ended() -> None:
    run = simulate([0.0] * 200, replace(FREE, concurrency=10))
    assert len(run.took_s) == 200
    assert min(run.took_s) > 0
    assert run.attempts_each > 3
    assert run.quantile(1) > 200 * 0.2 / 10


def test_what_is_met_first_is_what_the_simulation_meets() -> None:
    """Below every limit nobody waits, above one the waits grow."""
    for rate in (10, 200):
        assert met_first(rate, express=False)[0].share(rate) < 1
        assert simulate(steady(rate, 30), DEFAULT).quantile(0.99) < 1
    assert [quota.share(400) > 1 for quota in met_first(400, express=False)] == [True]
    waits = [simulate(steady(1_000, seconds), DEFAULT).quantile(1) for seconds in (5, 10)]
    assert waits[1] > 2 * waits[0] > 2
    assert met_first(1_000, express=True)[0].share(1_000) < 1
    assert simulate(steady(1_000, 5), EXPRESS).quantile(0.99) < 1
    assert all(quota.limit > 0 and quota.moved_by for quota in QUOTAS)


def test_the_page_has_the_tables_that_make_scale_writes(root: Path) -> None:
    page = (root / PAGE).read_text()
    tables = quota_rows(), first_rows(), simulated_row(10, "STANDARD", DEFAULT), outage_rows(root)
    for table in tables:
        assert table in page


def test_the_simulation_foretold_the_measured_bursts(root: Path) -> None:
    """Within a quarter; of 200 images, 99 % are those before the last two."""
    found = json.loads((root / CHECK).read_text())
    for burst in ("burst", "throttled"):
        for share in ("half", "90 %", "99 %"):
            assert found[burst][share]["simulated_s"] == pytest.approx(
                found[burst][share]["measured_s"], rel=0.25
            )
    calls = found["throttled"]["classify_calls_an_image"]
    assert calls["simulated"] == pytest.approx(calls["measured"], rel=0.1)
