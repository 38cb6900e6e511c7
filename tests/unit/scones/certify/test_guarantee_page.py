"""docs/guarantee.md: how many images and decisions a first certificate takes, by the code that gives it."""

from __future__ import annotations

import re

import pytest

from scones.certify.error_test import passes_needed
from scones.certify.threshold_grid import draws_needed
from tests.support import ROOT

PAGE = " ".join((ROOT / "docs" / "guarantee.md").read_text().split())
DRAWS = 2 * draws_needed(0.01, 0.95)
"""Of both halves: as many certify as choose the thresholds."""


def median_passes(rate: float, error: float) -> int:
    """Return after how many audited passes half of the models have their certificate, computed exactly.

    `waiting` has the chance of each number of wrong ones among so many passes, without a certificate until then.
    """
    waiting, passes, needed = {0: 1.0}, 0, {0: passes_needed(0, error, 0.95)}
    while sum(waiting.values()) > 1 / 2:
        passes += 1
        after: dict[int, float] = {}
        for wrong, chance in waiting.items():
            after[wrong] = after.get(wrong, 0.0) + chance * (1 - rate)
            after[wrong + 1] = after.get(wrong + 1, 0.0) + chance * rate
        for wrong in after.keys() - needed.keys():
            needed[wrong] = passes_needed(wrong, error, 0.95)
        waiting = {
            wrong: chance for wrong, chance in after.items() if passes < needed[wrong] and chance > 1e-12
        }
    return passes


def test_the_table_says_how_many_images_and_decisions_a_first_certificate_takes() -> None:
    rows = re.findall(r"\| (\d+) %[^|]*\| ([\d,]+) \| ([\d,]+) \|", PAGE)
    assert [row[0] for row in rows] == ["2", "20", "100"]
    for share, images, decisions in rows:
        assert (images, decisions) == (f"{DRAWS * 100 / int(share):,.0f}", f"{DRAWS:,}")
    assert "`--error 0.05` takes a fifth" in PAGE
    assert 2 * draws_needed(0.05, 0.95) * 5 == DRAWS


@pytest.mark.parametrize("rate", [0.002, 0.005])
def test_the_page_says_how_many_passes_a_model_with_errors_needs(rate: float) -> None:
    said = re.search(rf"wrong on {100 * rate:g} % (?:of what passes )?needs ([\d,]+)", PAGE)
    assert said
    assert said[1] == f"{median_passes(rate, 0.01):,}"


def test_the_time_of_people_is_that_of_the_decisions() -> None:
    assert f"{DRAWS:,} decisions are {DRAWS * 4 // 3600} h {round(DRAWS * 4 % 3600 / 60)} min" in PAGE
    assert "2 % of 10,000 images a day are 200 decisions a day: 13 minutes" in PAGE
    assert round(10_000 * 0.02 * 4 / 60) == 13
    assert "At a share of 2 %, one audited pass of that half takes 100 images that pass; at 20 %, 10." in PAGE
