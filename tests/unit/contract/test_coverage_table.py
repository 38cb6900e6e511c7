"""The table of coverage: a line for each part of the product, and their sum."""

from __future__ import annotations

from collections import Counter

from tools.coverage_table import table


def test_each_part_and_the_total_are_shown() -> None:
    assert table(Counter(scones=3000, endpoint=1000), Counter(scones=600)) == [
        "endpoint       1,000 statements  100.0 % covered",
        "scones         3,000 statements   80.0 % covered",
        "total          4,000 statements   85.0 % covered",
    ]


def test_a_part_without_statements_is_left_out() -> None:
    assert [line.split()[0] for line in table(Counter(endpoint=0, scones=1), Counter(scones=1))] == [
        "scones",
        "total",
    ]
