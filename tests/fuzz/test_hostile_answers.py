"""For any response of an endpoint, Classify returns valid probabilities or raises InvalidPredictionError."""

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from classify.prediction import parse_probabilities
from tests.fuzz import seeds
from tests.fuzz.damage import Damage, damaged, damages
from tests.fuzz.properties import ViolationError, answer_outcome, measured, within_bounds

CALM = settings(max_examples=300)
SEEDS = tuple(seeds.answers())
LABELS = strategies.integers(2, 4).map(lambda number: tuple("abcd"[:number]))
PLAIN = (
    strategies.none()
    | strategies.booleans()
    | strategies.integers()
    | strategies.integers(-(10**400), 10**400)
    | strategies.floats()
    | strategies.floats(0, 1)
    | strategies.text(max_size=5)
)
NESTED = strategies.recursive(
    PLAIN,
    lambda inner: (
        strategies.lists(inner, max_size=4)
        | strategies.dictionaries(strategies.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
ENCODINGS = strategies.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-le"))


def judged(answer: bytes, labels: tuple[str, ...] = ("a", "b")) -> str:
    with measured() as cost:
        outcome = answer_outcome(parse_probabilities, answer, labels)
    within_bounds(cost)
    return outcome


@CALM
@given(answer=strategies.binary(max_size=200), labels=LABELS)
def test_any_bytes(answer: bytes, labels: tuple[str, ...]) -> None:
    judged(answer, labels)


@CALM
@given(value=NESTED, labels=LABELS, encoding=ENCODINGS, ascii_only=strategies.booleans())
def test_any_json_in_any_encoding(
    value: object, labels: tuple[str, ...], encoding: str, ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    judged(text.encode(encoding, "surrogatepass"), labels)


@CALM
@given(values=strategies.lists(PLAIN, min_size=2, max_size=4), labels=LABELS)
def test_lists_that_are_nearly_right(values: list[object], labels: tuple[str, ...]) -> None:
    judged(json.dumps(values).encode(), labels)


@CALM
@given(
    seed=strategies.sampled_from(SEEDS),
    changes=strategies.lists(damages(), min_size=1, max_size=4),
    labels=LABELS,
)
def test_damaged_answers(seed: bytes, changes: list[Damage], labels: tuple[str, ...]) -> None:
    judged(damaged(seed, changes, SEEDS, mend=False), labels)


@pytest.mark.parametrize(
    "answer",
    [
        b"[" * 1_000_000,
        b'{"a":' * 200_000,
        b"[" * 400_000 + b"]" * 400_000,
        b"[" + b"0," * 499_998 + b"1]",
        b"[" + b"9" * 999_997 + b"]",
        b"[0." + b"3" * 499_000 + b",0." + b"6" * 499_000 + b"]",
        b"[1" + b"0" * 4299 + b", 0]",
        b"[" + b"9" * 4300 + b", 0]",
        b"[1e-999999999999, 1]",
        b"[1e99999999999999999999, 0]",
        b'["' + b"\\ud800" * 160_000 + b'", 1]',
        b"{" + b",".join(b'"a": %d' % number for number in range(80_000)) + b"}",
        b"0.5," * 250_000,
        b"\xef\xbb\xbf" * 300_000,
        b"\xff" * 1_000_000,
        b" " * 1_000_000,
        b"\x00" * 1_000_000,
    ],
    ids=lambda answer: repr(answer[:12]),
)
def test_answers_as_large_as_are_read(answer: bytes) -> None:
    judged(answer)


@pytest.mark.parametrize(
    "lie",
    [[0.5, 0.4], [0.5], [True, False], [1, 0], [float("nan"), 1.0], [-0.5, 1.5], (0.5, 0.5), None, "0.5"],
)
def test_the_property_sees_a_lie(lie: Any) -> None:
    with pytest.raises(ViolationError):
        answer_outcome(lambda *_: lie, b"", ("a", "b"))
