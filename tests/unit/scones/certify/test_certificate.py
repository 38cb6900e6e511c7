"""Which draws a certificate counts, which thresholds it tries, and where it stops."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scones.audits import certifying_half
from scones.certify.audited_sample import Sample
from scones.certify.certificate import Certificate, Promise, certify
from scones.certify.error_test import passes_needed
from scones.certify.threshold_grid import draws_needed, first_passes, shortest_decimal, thresholds
from scones.index import time_text
from tests.unit.scones.certify.drawn_images import CERTIFYING, NOW, OTHER, both_halves, draw, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scones.audits import Draw

PROMISE = Promise(0.1, 0.95)


def sample(draws: Sequence[Draw], share: float = 0.02) -> Sample:
    return Sample.of(draws, share, 14, NOW)


def test_the_half_is_known_from_u_alone_and_is_a_half() -> None:
    halves = [certifying_half(u) for u in np.random.default_rng(13).random(10_000) * 0.02]
    assert 0.48 < sum(halves) / len(halves) < 0.52
    assert certifying_half(CERTIFYING)
    assert not certifying_half(OTHER)


def test_what_is_decided_first_is_not_counted_first() -> None:
    draws = [draw(n) for n in range(900, 910)]
    draws[4] = draw(904, decision=None)
    found = sample(draws)
    assert (len(found.counted), len(found.waiting)) == (4, 6)


def test_a_draw_that_nobody_decides_in_time_counts_as_wrong() -> None:
    old = 1000 - 14 * 24  # the first hour that is young enough to wait
    draws = [draw(old - 1, decision=None), draw(old + 1), draw(old + 2, decision=None)]
    found = sample(draws)
    assert [one.key for one in found.counted] == [one.key for one in draws[:2]]
    assert found.undecided == 1
    assert found.reviewers == ["arn:aws:sts::123456789012:assumed-role/Reviewer/anna"]


@pytest.mark.parametrize("said", ["motorcycle", "neither", "cannot_tell", "gone", None])
def test_whatever_is_not_agreement_is_wrong(said: str | None) -> None:
    found = certify(sample(both_halves(100, spread, lambda n: said if n == 0 else "bicycle")), PROMISE)
    assert [trial.wrong for trial in found.tried[:3]] == [0, 0, 0]  # the one at 0.5 passes none of these
    high = certify(
        sample(both_halves(100, lambda n: 1.5 - spread(n), lambda n: said if n == 0 else "bicycle")), PROMISE
    )
    assert high.tried[0].wrong == 1


def test_the_smallest_share_of_a_period_counts() -> None:
    draws = [draw(1, u=0.001), draw(2, u=0.015, share=0.02), draw(3, u=0.001, share=0.01)]
    draws = [one for one in draws if certifying_half(one.u)]
    kept = [one.key for one in draws if one.u < 0.01]
    assert [one.key for one in sample(draws).counted] == kept
    assert sample([draw(1), draw(2, u=CERTIFYING + 0.25)], share=0.2).share == 0.02


def test_the_digest_changes_with_a_decision() -> None:
    draws = [draw(1), draw(2)]
    before = sample(draws).digest
    assert before == sample(list(draws)).digest
    assert before != sample([draw(1), draw(2, decision="neither")]).digest


def test_thresholds_come_from_the_first_draws_of_the_other_half() -> None:
    confidences = [spread(n) for n in range(150)]
    tried = thresholds(confidences, 0.1, 0.95)
    assert draws_needed(0.1, 0.95) == 80
    assert tried == thresholds(confidences[:80], 0.1, 0.95)
    assert tried == sorted(set(tried), reverse=True)
    passing = [sum(one >= threshold for one in confidences[:80]) for threshold in tried]
    assert passing == list(range(40, 80, 2))
    assert thresholds(confidences[:79], 0.1, 0.95) == []


def test_the_highest_threshold_lets_four_hundred_through_at_one_percent() -> None:
    assert (first_passes(0.01, 0.95), first_passes(0.1, 0.95)) == (400, 40)
    assert first_passes(0.01, 0.99) == passes_needed(0, 0.01, 0.99) == 585


def test_equal_confidences_pass_together() -> None:
    assert thresholds([1.0] * 60 + [0.7] * 20, 0.1, 0.95) == [1.0, 0.7]
    assert thresholds([1.0] * 80, 0.1, 0.95) == [1.0]
    assert thresholds([0.97] * 80, 0.1, 0.95) == [0.9]


@pytest.mark.parametrize(
    ("low", "high", "shortest"),
    [
        (0.912, 0.968, 0.96),
        (0.89, 0.91, 0.9),
        (0.9, 0.91, 0.91),
        (0.99998, 1.0, 1.0),
        (0.4, 0.4000000001, 0.4000000001),
    ],
)
def test_a_threshold_is_the_shortest_decimal(low: float, high: float, shortest: float) -> None:
    assert shortest_decimal(low, high) == shortest


def test_a_threshold_is_never_outside_its_interval() -> None:
    for low, high in np.sort(np.random.default_rng(13).random((2000, 2)) ** 0.01, axis=1):
        assert low < shortest_decimal(float(low), float(high)) <= high


def test_it_goes_down_to_the_first_threshold_that_fails() -> None:
    found = certify(
        sample(both_halves(200, spread, lambda n: "bicycle" if spread(n) > 0.62 else "neither")), PROMISE
    )
    assert [trial.is_certified for trial in found.tried] == [True] * (len(found.tried) - 1) + [False]
    assert found.given == found.tried[-2]
    assert 0.55 < found.given.threshold < 0.65
    assert found.given.bound <= 0.1
    assert found.coverage == found.given.passes / 200
    assert found.higher == sorted(found.higher)
    assert found.missing is not None


def test_what_is_missing_is_the_number_of_passes_and_the_days_they_take() -> None:
    draws = both_halves(900, lambda n: 0.9 + n % 100 / 1000, lambda n: "neither" if n == 99 else "bicycle")
    found = certify(sample(draws[:200]), PROMISE)  # half pass the highest threshold, of which one is wrong
    trial = found.tried[0]
    assert trial.wrong == 1
    assert not trial.is_certified
    assert found.missing is not None
    assert found.missing.passes == 61 - trial.passes
    assert found.missing.days is None  # no draw for a month
    recent = sample(
        [replace(one, at=time_text(NOW - timedelta(hours=100 - n // 2))) for n, one in enumerate(draws[:200])]
    )
    missing = certify(recent, PROMISE).missing
    assert missing is not None
    assert missing.days == pytest.approx(missing.passes / (trial.passes / 100 * 24), rel=0.02)
    assert (
        str(missing) == f"{missing.passes} more audited passes with none wrong; about 1 day at today's rate"
    )


def test_passes_that_wait_for_a_decision_need_no_further_day() -> None:
    draws = both_halves(900, lambda n: 0.9 + n % 100 / 1000, lambda _: "bicycle")[:200]
    recent = [replace(one, at=time_text(NOW - timedelta(hours=100 - n // 2))) for n, one in enumerate(draws)]
    waits = [replace(one, decision=None) if n >= 60 else one for n, one in enumerate(recent)]
    missing = certify(sample(waits), PROMISE).missing
    assert missing is not None
    assert str(missing).endswith("; they are drawn, and wait for a decision")


def test_too_few_draws_to_choose_thresholds_by() -> None:
    found = certify(sample(both_halves(30, spread, lambda _: "bicycle")), PROMISE)
    assert (found.given, list(found.tried), found.coverage) == (None, [], None)
    assert str(found.missing).startswith(
        "50 more draws in the half that chooses thresholds, and 38 audited passes with none wrong"
    )


def test_a_label_has_its_own_thresholds() -> None:
    draws = both_halves(100, spread, lambda _: "bicycle")
    draws += [
        replace(one, label="motorcycle", decision="motorcycle")
        for one in both_halves(50, spread, lambda _: "x")
    ]
    found = sample(sorted(draws, key=lambda one: one.at))
    assert certify(found, PROMISE, "bicycle").given
    rare = certify(found, PROMISE, "motorcycle")
    assert rare.missing is not None
    assert rare.missing.draws == 30


def test_statements_that_hold_together_are_stricter_each() -> None:
    half = Promise(0.01, 0.95).divided(2)
    assert half.error == 0.01
    assert half.confidence == pytest.approx(0.975)


NEEDED = np.asarray([passes_needed(wrong, 0.01, 0.95) for wrong in range(60)] + [10_000])
"""Audited passes that certify 1 %, by the wrong ones among them."""


def certifies_wrongly(
    chance: np.random.Generator, error: Callable[[np.ndarray], np.ndarray], true_at: float
) -> bool:
    """Live through 2,500 draws, and tell whether a threshold was ever certified whose true error is 1 % or more.

    Confidences are uniform, and an image is wrong as often as its confidence says. After every decision the sequence is
    tried from its start up to the first threshold that is false: all of them must hold at that time.
    """
    grid = np.asarray(thresholds(chance.random(draws_needed(0.01, 0.95)).tolist(), 0.01, 0.95))
    tried = grid[: np.count_nonzero(grid > true_at) + 1]
    confidences = chance.random(2500, dtype=np.float32)
    passes = confidences >= tried.astype(np.float32)[:, None]
    wrong = passes & (chance.random(2500, dtype=np.float32) < error(confidences))
    holds = np.ones(2500, dtype=bool)
    for passing, bad in zip(passes, wrong, strict=True):
        holds &= np.cumsum(passing, dtype=np.int16) >= NEEDED[np.minimum(np.cumsum(bad, dtype=np.int16), 60)]
        if not holds.any():
            return False
    return True


def false_lives(lives: int, error: Callable[[np.ndarray], np.ndarray], true_at: float) -> float:
    chance = np.random.default_rng(13)
    return sum(certifies_wrongly(chance, error, true_at) for _ in range(lives)) / lives


STEEP = 0.4, lambda c: np.where(c > 0.45, 0.0, 0.12)
"""Nothing is wrong above 0.45, and 0.12 below: among all above 0.4 it is 0.6 / 60 = 1 %."""
GENTLE = 0.3, lambda c: 0.02 * (1 - c) / 0.7
"""Errors become more frequent as confidences fall: among all above 0.3 it is 1 %."""


@pytest.mark.parametrize(("true_at", "error"), [STEEP, GENTLE])
def test_at_most_five_percent_of_the_lives_ever_certify_too_low_a_threshold(
    true_at: float, error: Any
) -> None:
    assert false_lives(2000, error, true_at) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.long
@pytest.mark.parametrize(("true_at", "error"), [STEEP, GENTLE])
def test_at_most_five_percent_of_many_lives_ever_certify_too_low_a_threshold(
    true_at: float, error: Any
) -> None:
    assert false_lives(10_000, error, true_at) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 10_000)


def test_a_certificate_names_the_lowest_threshold_that_holds() -> None:
    empty = Certificate(None, PROMISE, [], 0, None)
    assert (empty.given, empty.higher, empty.coverage) == (None, [], None)
