"""What was measured: its pages show the document's figures and no others; ratios come from interleaved rounds."""

import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.measurements import MOST_RUNS, interleaved, ratio_of, read_document
from benchmarks.page import ORDER, number, written
from benchmarks.textbook_model import part_of


def test_the_pages_show_what_the_document_says(root: Path) -> None:
    expected = written(root)
    assert {path: (root / path).read_text() for path in expected} == expected, "run `make docs`"


def test_every_part_of_make_bench_is_a_module_and_has_a_place_on_the_page(root: Path) -> None:
    (parts,) = re.findall(r"^PART := (.+)$", (root / "Makefile").read_text(), re.MULTILINE)
    assert sorted(parts.split()) == sorted(ORDER)
    assert [part for part in ORDER if not (root / "benchmarks" / f"{part}.py").exists()] == []
    assert set(read_document(root / "docs" / "benchmarks.json")) <= set(ORDER)


def test_every_ratio_has_its_spread_and_machines_are_cores_and_a_cpu(root: Path) -> None:
    document = read_document(root / "docs" / "benchmarks.json")
    assert document
    for part in document.values():
        assert set(part["machine"]) == {"cores", "cpu"}
        for row in part["ratios"]:
            assert row["lowest"] <= row["median"] <= row["highest"], row
            assert row["runs"] >= 1


def test_programs_are_measured_in_turns_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []

    def program(name: str, values: Any) -> Any:
        def run() -> float:
            calls.append(name)
            return float(next(values))

        return run

    measured = interleaved(
        {"a": program("a", iter([99, *range(1, 50)])), "b": program("b", iter([99, *range(101, 150)]))},
        budget_s=0,
    )
    assert measured == {"a": [1, 2, 3, 4, 5], "b": [101, 102, 103, 104, 105]}
    assert "".join(calls) == "ab" + "ab" + "ba" + "ab" + "ba" + "ab"


def test_no_more_rounds_than_the_most_are_measured() -> None:
    measured = interleaved({"a": lambda: 1.0}, budget_s=60)
    assert len(measured["a"]) == MOST_RUNS


def test_a_ratio_is_taken_within_each_round() -> None:
    measured = {"ours": [1.0, 10.0, 3.0], "theirs": [2.0, 40.0, 3.0]}  # the second round was disturbed
    row = ratio_of(measured, "ours", "theirs", quantity="time", case="one", unit="ms")
    assert (row.lowest, row.median, row.highest, row.runs) == (0.25, 0.5, 1.0, 3)
    assert row.subject_median == 3.0


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0946, "0.0946"),
        (12.34, "12.3"),
        (262144, "262,144"),
        (0, "0"),
        (175.4, "175"),
        (7.0, "7"),
        (99.96, "100"),
    ],
)
def test_three_digits_are_shown(value: float, shown: str) -> None:
    assert number(value) == shown


def test_the_model_is_compared_with_the_median_of_the_seeds() -> None:
    ours = {
        "images": 200,
        "accuracy": 0.97,
        "coverage": 0.95,
        "passed_right": [188, 190],
        "calibration_error": 0.02,
        "strangers": 1960,
        "strangers_passed": 0.01,
        "megabytes": 1.6,
    }
    seeds = [
        ours | {"accuracy": accuracy, "passed_right": [90, 100], "strangers_passed": passed}
        for accuracy, passed in ((0.8, 0.7), (0.9, 0.5), (0.7, 0.6))
    ]
    part = part_of([{"ours": ours, "textbook": one, "trained_on": 900} for one in seeds])
    figures = {row.what: (row.ours, row.beside) for row in part.counts}
    assert figures["right"] == (97, 80)
    assert figures["wrong among what passes"] == (1.05, 10)
    assert figures["images of other classes that pass"] == (1, 60)
    assert "median of 3 seeds" in " ".join(part.method.split())
