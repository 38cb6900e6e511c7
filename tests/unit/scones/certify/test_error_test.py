"""The certificate's test: the numbers it promises, and that looking again and again does not break it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scones.certify.error_test import certifies, log_evidence, passes_needed, upper_bound

ERROR, CONFIDENCE = 0.01, 0.95


def test_so_many_audited_passes_certify_one_percent() -> None:
    assert [passes_needed(wrong, ERROR, CONFIDENCE) for wrong in range(4)] == [393, 627, 834, 1021]


@pytest.mark.parametrize(("error", "confidence"), [(0.01, 0.95), (0.1, 0.95), (0.001, 0.99), (0.5, 0.6)])
def test_the_number_needed_is_the_least_that_certifies(error: float, confidence: float) -> None:
    for wrong in range(5):
        needed = passes_needed(wrong, error, confidence)
        assert certifies(needed, wrong, error, confidence)
        assert not certifies(needed - 1, wrong, error, confidence)


def test_a_wrong_image_takes_evidence_and_a_right_one_gives_some() -> None:
    for passes, wrong in ((1, 0), (400, 3), (5000, 60)):
        before = log_evidence(passes, wrong, ERROR)
        assert log_evidence(passes + 1, wrong + 1, ERROR) < before < log_evidence(passes + 1, wrong, ERROR)


@pytest.mark.parametrize(("passes", "wrong"), [(393, 0), (167, 0), (50, 3), (10, 9), (100_000, 900)])
def test_the_bound_is_the_least_error_that_is_excluded(passes: int, wrong: int) -> None:
    bound = upper_bound(passes, wrong, CONFIDENCE)
    assert bound > wrong / passes
    assert certifies(passes, wrong, bound * (1 + 1e-9), CONFIDENCE)
    assert not certifies(passes, wrong, bound * (1 - 1e-9), CONFIDENCE)


def test_without_a_right_image_nothing_is_excluded() -> None:
    assert upper_bound(0, 0, CONFIDENCE) == upper_bound(7, 7, CONFIDENCE) == 1


def test_no_bet_is_expected_to_grow_where_at_least_the_bound_is_wrong() -> None:
    """By summing over everything that can happen to 12 images, of which each is wrong with the bound's probability."""
    for error in (0.05, 0.3):
        expected = sum(
            math.comb(12, wrong)
            * error**wrong
            * (1 - error) ** (12 - wrong)
            * math.exp(log_evidence(12, wrong, error))
            for wrong in range(13)
        )
        assert expected == pytest.approx(1)


def lives_with_a_certificate(wrong: np.ndarray) -> float:
    """The share of lives (rows) that certify at some time, looking after every decision."""
    passes = wrong.shape[1]
    needed = [passes_needed(number, ERROR, CONFIDENCE) for number in range(passes // 100 + 1)]
    needed += [passes + 1] * (passes + 1 - len(needed))  # with 1 % wrong and more, none certifies
    counts = np.cumsum(wrong, axis=1)
    return float((np.arange(1, passes + 1) >= np.asarray(needed)[counts]).any(axis=1).mean())


def check_false_certificates(lives: int, passes: int) -> None:
    chance, at_once = np.random.default_rng(13), 500
    found = np.mean(
        [
            lives_with_a_certificate(chance.random((at_once, passes), dtype=np.float32) < ERROR)
            for _ in range(lives // at_once)
        ]
    )
    assert 0.01 < found <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / lives)


def test_at_most_five_percent_of_the_lives_at_the_bound_ever_certify() -> None:
    check_false_certificates(2000, 5000)


@pytest.mark.long
def test_at_most_five_percent_of_many_lives_ever_certify() -> None:
    check_false_certificates(10_000, 20_000)


def test_a_better_model_certifies() -> None:
    wrong = np.random.default_rng(13).random((200, 5000), dtype=np.float32) < 0.004
    assert lives_with_a_certificate(wrong) > 0.95


@pytest.mark.parametrize("order", ["first", "last", "in runs"])
def test_images_that_were_wrong_together_do_not_break_it(order: str) -> None:
    """Each of 20,000 images that passed is drawn with a probability of 10 %; exactly 1 % were wrong."""
    lives, images = 1000, 20_000
    bad = np.zeros(images, dtype=bool)
    where = {"first": np.arange(200), "last": images - 200 + np.arange(200)}
    bad[where.get(order, (np.arange(200) // 50 * 5000 + 4950 + np.arange(200) % 50))] = True
    draws = np.random.default_rng(13).random((lives, images), dtype=np.float32) < 0.1
    false = 0
    limits = np.asarray([passes_needed(number, ERROR, CONFIDENCE) for number in range(60)])
    reached = np.flatnonzero(
        np.cumsum(bad) >= ERROR * np.arange(1, images + 1)
    )  # looks at which it would be false
    for drawn in draws:
        counts = np.cumsum(drawn)[reached], np.cumsum(drawn & bad)[reached]
        false += bool((counts[0] >= limits[np.minimum(counts[1], 59)]).any())
    assert false / lives <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / lives)
