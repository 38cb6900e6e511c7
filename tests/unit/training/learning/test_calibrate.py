"""From logits to answers; it needs no PyTorch."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation.metrics import coverage
from training.learning.calibrate import STRANGERS_PASSING, Calibration, answer, calibrate, summary


def test_what_is_of_no_wanted_class_is_spread_evenly() -> None:
    logits = np.log(np.array([[0.6, 0.1, 0.2, 0.1]]))
    assert answer(logits, 2) == pytest.approx(np.array([[0.75, 0.25]]))
    assert answer(logits, 4) == pytest.approx(np.array([[0.6, 0.1, 0.2, 0.1]]))


def test_caution_is_added_to_the_logits_of_the_others() -> None:
    logits = np.array([[2.0, 0.0, 1.0, -1.0]])
    assert answer(logits, 2, Calibration(2.0, 1.5)) == pytest.approx(
        answer(logits + np.array([0, 0, 1.5, 1.5]), 2, Calibration(2.0, 0.0))
    )


def test_the_temperature_of_overconfident_logits_is_found() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 3))
    labels = np.array([rng.choice(3, p=scores) for scores in answer(honest, 3)])
    none = honest[:0]
    assert calibrate(honest * 2, labels, none, 3).temperature == pytest.approx(2, rel=0.1)
    assert calibrate(honest / 2, labels, none, 3).temperature == pytest.approx(0.5, rel=0.1)
    assert calibrate(honest, labels, none, 3).caution == 0


def test_caution_lets_few_strangers_pass_and_no_fewer() -> None:
    rng = np.random.default_rng(0)
    known = rng.normal(0, 1, (500, 4)) + np.array([4, 0, 0, 0])
    strangers = rng.normal(0, 2, (5000, 4))
    found = calibrate(known, np.zeros(500, int), strangers, 2)
    assert coverage(answer(strangers, 2, found), 0.8) == pytest.approx(STRANGERS_PASSING, abs=5e-4)


def test_the_summary_counts_what_passes() -> None:
    known = np.array([[0.95, 0.05], [0.9, 0.1], [0.4, 0.6], [0.1, 0.9]])
    strangers = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
    found = summary(np.array([0, 1, 1, 1]), known, strangers)
    assert (found["images"], found["accuracy"], found["coverage"]) == (4, 0.75, 0.75)
    assert found["passed_accuracy"] == pytest.approx(2 / 3)
    assert (found["strangers"], found["strangers_passed"]) == (4, 0.25)


def test_what_is_calibrated_of_a_picture_is_the_mean_of_its_views() -> None:
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 300)
    logits = np.zeros((300, 3))
    logits[:, 2] = -9
    logits[np.arange(300), np.where(rng.random(300) < 0.9, labels, 1 - labels)] = 6
    twice = (np.repeat(np.arange(300), 2), np.arange(0))
    none = np.empty((0, 3))
    single = calibrate(logits, labels, none, 2)
    assert calibrate(logits.repeat(2, 0), labels, none, 2, twice) == single
    views = logits.repeat(2, 0)
    views[1::2] = 0  # a view that says nothing: the mean is less sure than the views that speak
    assert calibrate(views, labels, none, 2, twice).temperature < single.temperature
