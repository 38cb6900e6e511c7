import json

import pytest
from hypothesis import given, strategies

from classify.errors import InvalidPredictionError
from classify.prediction import parse_probabilities

LABELS = ("bicycle", "motorcycle")


@pytest.mark.parametrize(
    "answer", [[0.9, 0.1], [1, 0], [0.0, 1.0], [0.4996, 0.4996], [0.5004, 0.5004], [1e-9, 1]]
)
def test_probabilities_pass_unchanged(answer: list[float]) -> None:
    found = parse_probabilities(json.dumps(answer).encode(), LABELS)
    assert found == answer
    assert all(type(value) is float for value in found)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ([1.0000053, 1e-05], [1.0, 1e-05]),
        ([-1.2e-07, 1.0], [0.0, 1.0]),
        ([1.0005, -0.0005], [1.0, 0.0]),
    ],
)
def test_a_float_error_beyond_a_bound_is_the_bound(answer: list[float], expected: list[float]) -> None:
    assert parse_probabilities(json.dumps(answer).encode(), LABELS) == expected


@given(strategies.lists(strategies.floats(0.001, 1), min_size=2, max_size=100))
def test_an_answer_rounded_to_three_digits_is_taken(weights: list[float]) -> None:
    rounded = [round(weight / sum(weights), 3) for weight in weights]
    labels = tuple(f"class {number}" for number in range(len(weights)))
    assert parse_probabilities(json.dumps(rounded).encode(), labels) == rounded


@pytest.mark.parametrize(("classes", "missing"), [(10, 0.006), (100, 0.06), (1000, 0.06)])
def test_more_than_rounding_explains_is_refused(classes: int, missing: float) -> None:
    labels = tuple(f"class {number}" for number in range(classes))
    answer = json.dumps([1 - missing] + [0.0] * (classes - 1)).encode()
    with pytest.raises(InvalidPredictionError, match="sum to"):
        parse_probabilities(answer, labels)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "neither JSON nor"),
        (b"<html>", "neither JSON nor"),
        (b"\xff\xfe\x00\x81", "neither JSON nor"),
        (b"[" * 100_000, "neither JSON nor"),
        (b"[" + b"9" * 5000 + b", 0]", "neither JSON nor"),
        (b"[1" + b"0" * 400 + b", 0]", "not a probability"),
        (b"null", "not a list"),
        (b'{"outputs": [0.9, 0.1]}', "not a list"),
        (b'{"predictions": [0.9, 0.1], "probabilities": [0.9, 0.1]}', "not a list"),
        (b"0.9", "not a list"),
        (b"[]", "0 values for 2 labels"),
        (b"[1.0]", "1 values for 2 labels"),
        (b"[0.2, 0.3, 0.5]", "3 values for 2 labels"),
        (b"[[0.9, 0.1], [0.8, 0.2]]", "not a probability"),
        (b"[[[0.9, 0.1]]]", "1 values"),
        (b"0.9,0.1\n0.8,0.2", "neither JSON nor"),
        (b"nan,1", "neither JSON nor"),
        (b"0.9;0.1", "neither JSON nor"),
        (b"1" * 500_000 + b"x", "neither JSON nor"),
        (b"[[0.9], [0.1]]", "not a probability"),
        (b'["0.9", "0.1"]', "not a probability"),
        (b"[true, false]", "not a probability"),
        (b"[null, 1]", "not a probability"),
        (b"[NaN, 1]", "not a probability"),
        (b"[NaN, NaN]", "not a probability"),
        (b"[Infinity, 0]", "not a probability"),
        (b"[-Infinity, 1]", "not a probability"),
        (b"[1e999, 0]", "not a probability"),
        (b"[-1e999, 1]", "not a probability"),
        (b"[1" + b"0" * 4000 + b", 0]", "not a probability"),
        (b"[NaN]", "1 values"),
        (b"NaN", "not a list"),
        (b"[[NaN], {}]", "not a probability"),
        (b'[{"a": NaN}, 1]', "not a probability"),
        (b"[1.2, -0.2]", "not a probability"),
        (b"[1.002, -0.002]", "not a probability"),
        (b"[0.5, 0.4]", "sum to 0.9000"),
        (b"[0.9, 0.102]", "sum to 1.0020"),
    ],
)
def test_anything_else_is_invalid_with_the_reason(answer: bytes, reason: str) -> None:
    with pytest.raises(InvalidPredictionError, match=reason) as found:
        parse_probabilities(answer, LABELS)
    assert len(str(found.value)) < 200
    assert str(found.value).isprintable()


@given(strategies.binary(max_size=100))
def test_any_bytes_are_believed_or_refused(answer: bytes) -> None:
    try:
        found = parse_probabilities(answer, LABELS)
    except InvalidPredictionError:
        return
    assert abs(sum(found) - 1) <= 1e-3


@given(
    strategies.recursive(
        strategies.none()
        | strategies.booleans()
        | strategies.floats()
        | strategies.integers()
        | strategies.text(),
        strategies.lists,
        max_leaves=5,
    )
)
def test_any_json_is_believed_or_refused(value: object) -> None:
    try:
        found = parse_probabilities(json.dumps(value).encode(), LABELS)
    except InvalidPredictionError:
        return
    assert value in (found, [found])


@given(
    strategies.lists(strategies.floats(0, 1), min_size=2, max_size=50).filter(
        lambda values: sum(values) > 1e-6
    )
)
def test_normalised_lists_are_believed(weights: list[float]) -> None:
    values = [weight / sum(weights) for weight in weights]
    labels = tuple(str(number) for number in range(len(values)))
    assert parse_probabilities(json.dumps(values).encode(), labels) == values


@pytest.mark.parametrize(
    "answer",
    [
        b"[0.9, 0.1]",
        b'{"prediction": [0.9, 0.1]}\n',
        b'{"probabilities": [0.9, 0.1]}',
        b'{"probabilities": [0.9, 0.1], "labels": ["bicycle", "motorcycle"], "predicted_label": "bicycle"}',
        b'{"probabilities": [0.1, 0.9], "labels": ["motorcycle", "bicycle"], "predicted_label": "bicycle"}',
        b'{"predictions": [[0.9, 0.1]]}',
        b'{"predictions": [0.9, 0.1]}',
        b"[[0.9, 0.1]]",
        b"0.9,0.1\n",
        b"9e-1, .1\r\n",
        b'[{"label": "bicycle", "score": 0.9}, {"label": "motorcycle", "score": 0.1}]',
        b'[{"score": 0.1, "label": "motorcycle"}, {"score": 0.9, "label": "bicycle"}]',
    ],
)
def test_each_form_of_a_common_container_is_read(answer: bytes) -> None:
    """Which container's documents have it is in `classify.answer_forms`."""
    assert parse_probabilities(answer, LABELS) == [0.9, 0.1]


@pytest.mark.parametrize(
    ("answer", "stated"),
    [
        (b'[{"label": "LABEL_0", "score": 0.9}, {"label": "LABEL_1", "score": 0.1}]', "LABEL_0,LABEL_1"),
        (b'[{"label": "bicycle", "score": 1.0}]', "bicycle"),
        (b'{"probabilities": [0.9, 0.1], "labels": ["bicycle", "bicycle"]}', "bicycle,bicycle"),
        (b'{"probabilities": [0.9, 0.1], "labels": ["bicycle", 7]}', "bicycle"),
        (
            b'{"probabilities": [0.8, 0.1, 0.1], "labels": ["bicycle", "motorcycle", "car"]}',
            "bicycle,motorcycle,car",
        ),
    ],
)
def test_labels_in_an_answer_are_exactly_the_stacks(answer: bytes, stated: str) -> None:
    with pytest.raises(InvalidPredictionError) as found:
        parse_probabilities(answer, LABELS)
    assert f"names the labels {stated}, not exactly bicycle,motorcycle: deploy" in str(found.value)


def test_labels_that_are_not_one_for_each_value_are_refused() -> None:
    answer = b'{"probabilities": [0.9, 0.1], "labels": ["bicycle"]}'
    with pytest.raises(InvalidPredictionError, match="other labels than values"):
        parse_probabilities(answer, LABELS)


@pytest.mark.parametrize("answer", [b"[4.2, -1.3]", b'{"predictions": [[2.5, 0.5]]}', b"-3.1,7.7"])
def test_logits_are_refused_with_what_to_change(answer: bytes) -> None:
    with pytest.raises(InvalidPredictionError, match=r"are these logits. end the model with a softmax"):
        parse_probabilities(answer, LABELS)
