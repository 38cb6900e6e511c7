"""Observations over time."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from training.monitoring.observations import PASSED, REVIEW, Observation, Observations
from training.monitoring.windows import window_length_s, windows

START = datetime(2026, 11, 21, tzinfo=UTC).timestamp()


def test_windows_count_what_happened_in_them() -> None:
    found = Observations()
    for second, outcome, label, confidence in (
        (0, PASSED, "bicycle", 0.9),
        (59, REVIEW, "motorcycle", 0.6),
        (125, PASSED, "bicycle", 0.8),
    ):
        found.add(Observation(START + second, outcome, label, confidence))
    found.add(Observation(START, "rejected"))
    first, last = windows(found)
    assert (first.images, first.review, first.labels) == (2, 1, {"bicycle": 1, "motorcycle": 1})
    assert first.confidence == pytest.approx((0.63, 0.75, 0.87))
    assert last.start == datetime(2026, 11, 21, 0, 2, tzinfo=UTC)
    assert (last.images, last.review, last.labels) == (1, 0, {"bicycle": 1, "motorcycle": 0})
    assert (len(found), found.outcomes["rejected"]) == (3, 1)


@pytest.mark.parametrize(
    ("span_s", "length_s"), [(0, 60), (48 * 60, 60), (86400, 3600), (7 * 86400, 21600), (10**10, 28 * 86400)]
)
def test_the_length_suits_the_range(span_s: int, length_s: int) -> None:
    assert window_length_s(np.array([START, START + span_s])) == length_s


def test_nothing_observed_is_no_window() -> None:
    assert windows(Observations()) == []


def test_statistics_that_come_and_go_are_missing_not_zero() -> None:
    found = Observations()
    found.add(Observation(0, PASSED, "a", 0.9))
    found.add(Observation(1, PASSED, "a", 0.9, {"brightness": 0.4}))
    found.add(Observation(2, PASSED, "a", 0.9))
    assert dict(found.numbers())["brightness"].tolist() == [0.4]
