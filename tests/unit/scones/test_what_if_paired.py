"""The paired comparison of two models: the exact test, what is an error, and the calibration error of training."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from scones.what_if.paired_test import Labelled, Said, calibration_error, compare, exact_p_value
from training.evaluation import metrics


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [
        (0, 0, 1),
        (1, 0, 1),
        (3, 3, 1),
        (5, 0, Fraction(2, 32)),
        (6, 0, Fraction(2, 64)),
        (10, 2, Fraction(2 * (1 + 12 + 66), 4096)),
    ],
)
def test_the_exact_p_value_is_that_of_a_fair_coin(first: int, second: int, p_value: Fraction) -> None:
    assert exact_p_value(first, second) == exact_p_value(second, first) == pytest.approx(float(p_value))


def test_the_p_value_is_a_valid_one_for_every_number_of_coins() -> None:
    # P(p <= a) <= a under the hypothesis, by counting all outcomes of up to 12 coins.
    for coins in range(13):
        outcomes = [exact_p_value(sum(heads), coins - sum(heads)) for heads in product((0, 1), repeat=coins)]
        for level in (0.01, 0.05, 0.1, 0.5):
            assert sum(value <= level for value in outcomes) / len(outcomes) <= level


def test_thousands_of_images_do_not_overflow() -> None:
    assert exact_p_value(3000, 3000) == 1
    assert 0 < exact_p_value(520, 480) < 1
    assert exact_p_value(4000, 100) < 1e-100


def said(label: str, *, passes: bool = True, confidence: float = 0.9) -> Said:
    return Said(label, confidence, passes)


def test_an_image_of_no_class_is_an_error_only_where_it_passes() -> None:
    found = compare(
        [
            Labelled("neither", said("bicycle"), said("bicycle", passes=False)),
            Labelled("bicycle", said("bicycle"), said("motorcycle", passes=False)),
            Labelled("bicycle", said("motorcycle"), said("motorcycle")),
        ]
    )
    assert (found.baseline.wrong, found.candidate.wrong) == (2, 2)
    assert (found.only_baseline_wrong, found.only_candidate_wrong) == (1, 1)
    assert (found.baseline.passed, found.baseline.passed_wrong) == (3, 2)
    assert (found.candidate.passed, found.candidate.passed_wrong) == (1, 1)


@pytest.mark.parametrize(("better", "worse"), [(0, 5), (5, 0), (0, 6), (6, 0)])
def test_a_difference_is_real_from_six_to_none_on(better: int, worse: int) -> None:
    right, wrong = said("bicycle"), said("motorcycle")
    found = compare(
        [Labelled("bicycle", wrong, right)] * better + [Labelled("bicycle", right, wrong)] * worse
    )
    assert found.is_candidate_better == (better == 6)
    assert found.is_candidate_worse == (worse == 6)


def test_without_images_nothing_is_shown() -> None:
    found = compare([])
    assert (found.p_value, found.candidate.calibration_error) == (1, None)
    assert not found.is_candidate_better
    assert not found.is_candidate_worse


def test_the_calibration_error_is_that_of_training() -> None:
    draw = np.random.default_rng(13)
    confidences = [*map(float, draw.uniform(0.5, 1, 300)), 1.0, 0.5]
    labels = [int(one < 0.3) for one in draw.uniform(size=len(confidences))]
    probabilities = np.array([[one, 1 - one] for one in confidences])
    theirs = metrics.calibration_error(probabilities, np.array(labels))
    ours = calibration_error((one, label == 0) for one, label in zip(confidences, labels, strict=True))
    assert ours == pytest.approx(theirs)
