from typing import Any

import pytest
from hypothesis import given, strategies

from filter.errors import InvalidPredictionError
from filter.verdict import judge

LABELS = ("bicycle", "motorcycle")


@pytest.mark.parametrize(
    ("inferences", "label", "passed"),
    [
        ([0.9, 0.1], "bicycle", True),
        ([0.1, 0.9], "motorcycle", True),
        ([0.8, 0.2], "bicycle", True),
        ([0.7999999999999999, 0.2000000000000001], "bicycle", False),
        ([0.5, 0.5], "bicycle", False),
        ([0, 1], "motorcycle", True),
    ],
)
def test_the_threshold_itself_passes_and_ties_go_to_the_first(
    inferences: list[float], label: str, passed: bool
) -> None:
    assert judge(inferences, LABELS, dict.fromkeys(LABELS, 0.8)) == {
        "passed": passed,
        "label": label,
        "confidence": max(inferences),
        "threshold": 0.8,
    }


@pytest.mark.parametrize(
    ("inferences", "passed"), [([0.8, 0.2], False), ([0.2, 0.8], True), ([0.25, 0.75], True)]
)
def test_each_label_has_its_own_threshold(inferences: list[float], passed: bool) -> None:
    found = judge(inferences, LABELS, {"bicycle": 0.9, "motorcycle": 0.75})
    assert (found["passed"], found["threshold"]) == (passed, 0.75 if passed else 0.9)


@given(strategies.lists(strategies.floats(0, 1), min_size=2, max_size=9), strategies.floats(0, 1))
def test_the_label_is_the_most_probable_one(inferences: list[float], threshold: float) -> None:
    labels = tuple(str(number) for number in range(len(inferences)))
    found = judge(inferences, labels, dict.fromkeys(labels, threshold))
    assert inferences[int(found["label"])] == found["confidence"] == max(inferences)
    assert found["passed"] is (found["confidence"] >= threshold)


@pytest.mark.parametrize(
    "inferences",
    [
        [],
        [1.0],
        [0.2, 0.3, 0.5],
        None,
        {"a": 1, "b": 2},
        [True, False],
        ["0.9", "0.1"],
        [float("nan"), 1],
        [2, 0],
    ],
)
def test_what_is_no_prediction_is_refused(inferences: Any) -> None:
    with pytest.raises(InvalidPredictionError, match="inferences must be"):
        judge(inferences, LABELS, dict.fromkeys(LABELS, 0.8))
