"""The watch's evidence: its false alarms and its delay, in simulated lives with fixed seeds."""

import re
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sweep.detector import YEAR, alternatives, evidence, start_weight, updated

A_DAY = 200
A_YEAR = 365 * A_DAY
ALARMS_A_YEAR = 0.05
PROMISE = 0.01
START = start_weight(timedelta(days=1) / A_DAY, ALARMS_A_YEAR)

type Numbers = NDArray[np.float64]


def alarms(chance: Numbers, error: float, images: int, statistics: Numbers) -> tuple[Numbers, Numbers]:
    """
    Live through so many images with one share of errors.

    From one wrong image to the next the numbers follow in closed form; between them they cannot reach the alarm.

    Returns
    -------
    tuple
        The image at which each life had its alarm, infinity without one; the numbers after the last image.
    """
    rates = np.array(alternatives(PROMISE))
    right, wrong = (1 - rates) / (1 - PROMISE), rates / PROMISE
    at, alarm = np.zeros(len(statistics)), np.full(len(statistics), np.inf)
    for draw in chance:
        gap = np.minimum(np.ceil(np.log(draw) / np.log1p(-error)), images - at + 1)
        at += gap
        inside = at <= images
        shrink = right ** (gap - 1)[:, None]
        with np.errstate(over="ignore"):  # long after the alarm
            before = statistics * shrink + START * right * (1 - shrink) / (1 - right)
            # The last gap ends after the last image: all of it is right.
            statistics = np.where(inside[:, None], (before + START) * wrong, before)
        alarm = np.where(inside & (statistics.mean(axis=1) >= 1) & np.isinf(alarm), at, alarm)
        if not inside.any():
            return alarm, statistics
    raise AssertionError("more errors than random numbers")


def lives(number: int, *parts: tuple[float, int], seed: int) -> Numbers:
    """Return when each of so many lives had its alarm: parts are shares of errors, and for how many images."""
    random = np.random.default_rng(seed)
    statistics, alarm, passed = np.zeros((number, len(alternatives(PROMISE)))), np.full(number, np.inf), 0
    for error, images in parts:
        most = int(images * error + 10 * (images * error) ** 0.5 + 10)
        found, statistics = alarms(1 - random.random((most, number)), error, images, statistics)
        alarm, passed = np.minimum(alarm, found + passed), passed + images
    return alarm


def test_the_simulation_follows_the_function() -> None:
    random = np.random.default_rng(5)
    chance = 1 - random.random((400, 1))
    gaps = np.ceil(np.log(chance[:, 0]) / np.log1p(-0.03)).astype(int)
    wrong_at = set(np.cumsum(gaps).tolist())
    numbers, first = [0.0] * len(alternatives(PROMISE)), None
    for image in range(1, 4_001):
        numbers = updated(numbers, PROMISE, START, wrong=image in wrong_at)
        if first is None and evidence(numbers) >= 1:
            first = image
    alarm, after = alarms(chance, 0.03, 4_000, np.zeros((1, len(numbers))))
    assert first == alarm[0]
    assert after[0] == pytest.approx(numbers, rel=1e-9)


@pytest.mark.parametrize(
    ("number", "error"),
    [(2_000, PROMISE), (2_000, 0.005), (2_000, 0.009)]
    + [pytest.param(10_000, error, marks=pytest.mark.long) for error in (PROMISE, 0.005, 0.009)],
)
def test_a_healthy_model_has_a_false_alarm_in_at_most_five_of_a_hundred_years(
    number: int, error: float
) -> None:
    assert np.isfinite(lives(number, (error, A_YEAR), seed=13)).mean() <= ALARMS_A_YEAR


@pytest.mark.parametrize("number", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_three_percent_wrong_after_5000_healthy_images_is_seen_within_1000(number: int) -> None:
    alarm = lives(number, (0.005, 5_000), (0.03, 8_000), seed=14)
    assert np.median(alarm[alarm > 5_000]) - 5_000 <= 1_000
    assert (alarm <= 5_000).mean() <= ALARMS_A_YEAR


def test_the_page_says_how_many_images_a_fault_takes(root: Path) -> None:
    rows = re.findall(
        r"^\| (\d+) % \| ([\d,]+) \| ([\d.]+) \|$", (root / "docs" / "watch.md").read_text(), re.MULTILINE
    )
    assert [row[0] for row in rows] == ["2", "3", "5", "10"]
    for percent, images, days in rows:
        alarm = lives(2_000, (0.005, 5_000), (int(percent) / 100, 20_000), seed=14)
        median = np.median(alarm[alarm > 5_000]) - 5_000
        assert images == f"{median:,.0f}"
        assert float(days) == pytest.approx(median / A_DAY, abs=0.06)


def test_a_long_healthy_past_does_not_delay_the_alarm() -> None:
    short, long = (
        np.median(lives(2_000, (0.005, past), (0.03, 8_000), seed=15)) - past for past in (0, 50_000)
    )
    assert long <= short * 1.1


def test_the_chance_of_a_false_alarm_belongs_to_the_year_not_to_the_number_of_images() -> None:
    hours = np.cumsum(np.random.default_rng(16).exponential(size=500))
    times = [timedelta(hours=float(hour)) * (YEAR / timedelta(hours=float(hours[-1]))) for hour in hours]
    total = sum(start_weight(later - earlier, 0.05) for earlier, later in pairwise([timedelta(0), *times]))
    assert total == pytest.approx(0.05)


def test_evidence_rises_only_with_errors_and_never_with_a_better_model() -> None:
    numbers = [0.0] * len(alternatives(PROMISE))
    for _ in range(20_000):
        numbers = updated(numbers, PROMISE, START, wrong=False)
    assert evidence(numbers) < 1e-3
    assert evidence(updated(numbers, PROMISE, START, wrong=True)) > evidence(numbers)


@pytest.mark.parametrize("promise", [1e-6, 0.01, 0.1, 0.5, 0.999])
def test_each_alternative_is_a_rate_above_the_promise_and_its_ratio_has_mean_one_at_the_promise(
    promise: float,
) -> None:
    for rate in alternatives(promise):
        assert promise < rate < 1
    means = [
        promise * wrong + (1 - promise) * right
        for wrong, right in zip(
            updated([1.0] * 5, promise, 0, wrong=True),
            updated([1.0] * 5, promise, 0, wrong=False),
            strict=True,
        )
    ]
    assert means == pytest.approx([1.0] * 5)


@pytest.mark.parametrize("promise", [0, 1, -0.1, 1.5, float("nan")])
def test_a_promise_that_no_test_can_refute_is_not_accepted(promise: float) -> None:
    with pytest.raises(ValueError, match="above 0 and below 1"):
        alternatives(promise)


def test_a_clock_that_goes_back_starts_nothing() -> None:
    assert start_weight(timedelta(seconds=-1), 0.05) == 0
