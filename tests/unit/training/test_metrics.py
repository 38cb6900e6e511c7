"""Numbers against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training import metrics

SCORES = np.array([[0.9, 0.1], [0.3, 0.7], [0.15, 0.85], [0.6, 0.4]])
LABELS = np.array([0, 1, 0, 0])


def test_shares() -> None:
    assert metrics.accuracy(SCORES, LABELS) == 0.75
    assert metrics.coverage(SCORES, 0.8) == 0.5
    assert metrics.passed_accuracy(SCORES, LABELS, 0.8) == 0.5
    assert metrics.passed_accuracy(SCORES, LABELS, 0.95) is None
    assert metrics.coverage(SCORES[:0], 0.8) == 0


def test_the_threshold_itself_passes() -> None:
    assert metrics.coverage(np.array([[0.8, 0.2]]), 0.8) == pytest.approx(1)


def test_calibration_error() -> None:
    assert metrics.calibration_error(np.array([[1.0, 0.0]] * 4), np.array([0, 0, 0, 1])) == pytest.approx(
        0.25
    )
    assert metrics.calibration_error(SCORES, LABELS) == pytest.approx((0.1 + 0.3 + 0.85 + 0.4) / 4)


def test_wilsons_interval() -> None:
    low, high = metrics.wilson_interval(193, 200)
    assert (round(low, 4), round(high, 4)) == (0.9295, 0.9829)
    assert metrics.wilson_interval(200, 200)[1] == pytest.approx(1)
    assert metrics.wilson_interval(0, 200)[0] == pytest.approx(0)


def test_the_temperature_of_overconfident_scores_is_found() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (5000, 2))
    labels = (rng.random(5000) > metrics.softmax(honest)[:, 0]).astype(int)
    none = honest[:0]
    assert metrics.fit_temperature(honest * 3, labels, none) == pytest.approx(3, rel=0.1)
    assert metrics.fit_temperature(honest / 2, labels, none) == pytest.approx(0.5, rel=0.1)


def test_strangers_keep_the_temperature_from_sharpening() -> None:
    known, labels = np.array([[1.0, -1.0], [-1.0, 1.0]] * 20), np.array([0, 1] * 20)
    strangers = np.random.default_rng(0).normal(0, 0.5, (200, 2))
    assert metrics.fit_temperature(known, labels, strangers[:0]) == pytest.approx(0.2)
    assert 0.3 < metrics.fit_temperature(known, labels, strangers) < 1
