"""MAPIE, an independent implementation of "Learn then Test": its p-values of a sample that is looked at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scones.certify.error_test import certifies, passes_needed

pytest.importorskip("mapie", reason="MAPIE is only in training's environment: make test-training")

PAGE = Path(__file__).parents[3] / "docs" / "certificate.md"
ERRORS = (0.1, 0.02, 0.01, 0.005)


def p_value(passes: int, wrong: int, error: float) -> float:
    """Of "at least so many are wrong", for a sample of a size chosen beforehand."""
    import numpy as np
    from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value

    # MAPIE rounds the wrong ones up from their share: a little less, so that no rounding makes them one more.
    share = np.array([max(0.0, wrong - 1e-6) / passes])
    return float(compute_hoeffding_bentkus_p_value(share, passes, error, binary=True)[0, 0])


def test_the_page_has_the_numbers_of_a_single_look() -> None:
    rows = re.findall(r"^\| ([\d.]+) % \|.* ([\d,]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == 6
    for percent, number in rows:
        passes, error = int(number.replace(",", "")), float(percent) / 100
        assert p_value(passes, 0, error) <= 0.05 < p_value(passes - 1, 0, error)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("wrong", range(6))
def test_what_is_certified_at_every_look_is_certified_by_a_single_one(error: float, wrong: int) -> None:
    needed = passes_needed(wrong, error, 0.95)
    for passes in (needed, needed + 100, 3 * needed):
        assert certifies(passes, wrong, error, 0.95)
        assert p_value(passes, wrong, error) < 0.05


@pytest.mark.parametrize("error", ERRORS)
def test_nothing_is_certified_that_a_single_look_rejects(error: float) -> None:
    for passes in (50, 300, 1000, 5000):
        for wrong in range(0, passes, max(1, passes // 100)):
            assert not certifies(passes, wrong, error, 0.95) or p_value(passes, wrong, error) < 0.05
