"""The interval of the live precision: what it contains, and that it holds at every look."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right

import numpy as np
import pytest

from scones.live_precision import Precision, interval


def test_it_contains_the_share_and_narrows() -> None:
    widths = []
    for of in (10, 100, 1000, 10_000):
        low, high = interval(round(0.9 * of), of, 0.95)
        assert low < 0.9 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("right", "of", "low", "high"), [(0, 0, 0, 1), (0, 5, 0, None), (5, 5, None, 1)])
def test_ends_at_nothing_and_at_all(right: int, of: int, low: float | None, high: float | None) -> None:
    found = interval(right, of, 0.95)
    assert low is None or found[0] == low
    assert high is None or found[1] == high


def test_all_right_has_a_closed_form() -> None:
    """With no wrong image the condition is p ** n >= 0.05 / (n + 1)."""
    assert interval(200, 200, 0.95)[0] == pytest.approx((0.05 / 201) ** (1 / 200), rel=1e-12)


@pytest.mark.parametrize("precision", [0.8, 0.99])
def test_the_truth_is_in_all_intervals_of_most_lives(precision: float) -> None:
    lives, images = 2000, 1000
    chance = np.random.default_rng(13).random((lives, images), dtype=np.float32)
    right = np.cumsum(chance < precision, axis=1, dtype=np.int32)
    edges = [counts_with(of, precision) for of in range(1, images + 1)]
    low, high = np.asarray(edges).T
    outside = ((right < low) | (right > high)).any(axis=1).mean()
    assert 0.005 < outside <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / lives)


def counts_with(of: int, rate: float) -> tuple[int, int]:
    """The fewest and the most right images whose interval contains a rate; with more, both its ends are higher."""
    counts = range(of + 1)
    fewest = bisect_left(counts, rate, key=lambda right: interval(right, of, 0.95)[1])
    most = bisect_right(counts, rate, key=lambda right: interval(right, of, 0.95)[0]) - 1
    return fewest, most


def test_it_is_said_without_rounding_up() -> None:
    assert str(Precision.of(0, 0)) == "no audited pass is decided"
    assert str(Precision.of(2000, 1999)) == "99.9 % right of 2,000 audited passes (99.3 to 100.0 %)"
