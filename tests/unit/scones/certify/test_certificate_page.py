"""docs/certificate.md: its table and its example are what the code computes."""

from __future__ import annotations

import math
import re

from scones.certify.error_test import passes_needed, upper_bound
from tests.support import ROOT

PAGE = (ROOT / "docs" / "certificate.md").read_text()


def table() -> dict[float, list[int]]:
    """The numbers of the table by the error."""
    rows = re.findall(r"^\| ([\d.]+) % \| (.+) \|$", PAGE, re.MULTILINE)
    return {
        float(error) / 100: [int(cell.replace(",", "")) for cell in cells.split("|")] for error, cells in rows
    }


def test_the_table_says_how_many_passes_certify() -> None:
    assert len(table()) == 6
    for error, numbers in table().items():
        assert numbers[:4] == [passes_needed(wrong, error, 0.95) for wrong in range(4)], error


def test_the_last_column_is_the_exact_binomial() -> None:
    """None of n is wrong with the probability (1 - error) ** n."""
    for error, numbers in table().items():
        assert numbers[4] == math.ceil(math.log(0.05) / math.log1p(-error)), error


def test_the_example_adds_up() -> None:
    passes, wrong, percent = re.search(
        r"passes +([\d,]+), of which (\d+) wrong: at most ([\d.]+) %", PAGE
    ).groups()  # type: ignore[union-attr]
    passing = int(passes.replace(",", ""))
    bound = upper_bound(passing, int(wrong), 0.95)
    assert float(percent) == math.ceil(bound * 1e4) / 100
    coverage, drawn = re.search(r"coverage +([\d.]+) % of the ([\d,]+)", PAGE).groups()  # type: ignore[union-attr]
    assert float(coverage) == math.floor(passing / int(drawn.replace(",", "")) * 1000) / 10
