"""The numbers that the model's README claims follow from the counts beside them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from training.evaluation.metrics import exact_lower_bound

if TYPE_CHECKING:
    from endpoint.predictor import Predictor

MODEL = Path(__file__).parents[3] / "endpoint" / "model"


def cells(readme: str, start: str) -> list[str]:
    """Return the cells of the row of the table "Measured" that starts so."""
    (line,) = (line for line in readme.splitlines() if line.startswith(f"| {start}"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_what_is_claimed_is_what_the_counts_show() -> None:
    readme = (MODEL / "README.md").read_text()
    counts = [re.search(r"(\d+) of (\d+)", cell) for cell in cells(readme, "right among those | **0.985")]
    claimed = [
        re.search(r"(0\.\d+) or more", cell) for cell in cells(readme, "what the counts show, with 95 %")
    ]
    pairs = [(count, claim) for count, claim in zip(counts, claimed, strict=True) if count and claim]
    assert len(pairs) == 3
    for count, claim in pairs:
        assert f"{exact_lower_bound(int(count[1]), int(count[2])):.3f}" == claim[1]


def test_the_readme_and_the_baseline_are_of_the_model_beside_them(predictor: Predictor) -> None:
    assert f"Version `{predictor.version}`" in (MODEL / "README.md").read_text()
    baseline = json.loads((MODEL / "baseline.json").read_text())
    assert baseline["model"]["version"] == predictor.version
    passed = baseline["categories"]["review"]["passed"]
    assert (
        cells((MODEL / "README.md").read_text(), "coverage: share with")[0]
        == f"{passed / 200:.3f} ({passed})"
    )


@pytest.mark.parametrize(
    ("right", "passed", "bound"), [(299, 299, 0.99), (192, 195, 0.961), (10, 10, 0.05**0.1), (0, 5, 0.0)]
)
def test_an_exact_bound(right: int, passed: int, bound: float) -> None:
    assert exact_lower_bound(right, passed) == pytest.approx(bound, abs=0.0005)
