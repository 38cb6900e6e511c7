"""Which images a second person looks at, and what their looks say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scones.audits import Draw, SecondLook
from scones.certify.second_looks import SecondLooks, chosen


def draw(number: int, decision: str | None, *second: str) -> Draw:
    return Draw(
        key=f"incoming/{number}.jpg",
        etag="e",
        at="2026-11-27T12:00:00.000Z",
        u=number / 10_000,
        label="bicycle",
        confidence=0.9,
        threshold=0.8,
        passed=True,
        model_version="v1",
        endpoint="e",
        labels="bicycle,motorcycle",
        decision=decision,
        second=tuple(SecondLook(label, "berta", "2026-11-28T12:00:00.000Z") for label in second),
    )


def test_every_disagreement_and_as_many_agreements() -> None:
    passing = [draw(n, "neither" if n % 10 == 0 else "bicycle") for n in range(50)]
    wrong, right = chosen(passing)
    assert [one.key for one in wrong] == [f"incoming/{n}.jpg" for n in range(0, 50, 10)]
    assert len(right) == 5
    assert [one.u for one in right] != sorted(one.u for one in right)


def test_what_was_chosen_stays_chosen_when_more_are_wrong() -> None:
    passing = [draw(n, "neither" if n < 3 else "bicycle") for n in range(50)]
    _, before = chosen(passing)
    _, after = chosen([*passing, draw(60, "motorcycle")])
    assert after[:3] == before


@pytest.mark.parametrize("decision", ["gone", None])
def test_what_cannot_be_looked_at_is_not_asked_for(decision: str | None) -> None:
    assert chosen([draw(1, decision), draw(2, "bicycle")]) == ([], [])


def test_it_counts_who_said_something_else() -> None:
    passing = [
        draw(1, "neither", "bicycle"),
        draw(2, "neither", "neither", "bicycle"),
        draw(3, "cannot_tell"),
    ]
    passing += [draw(4, "bicycle", "neither"), draw(5, "bicycle"), draw(6, "bicycle", "bicycle")]
    found = SecondLooks.of(passing)
    assert (found.disagreements, found.differ_on_disagreements) == (2, 1)
    assert (found.agreements, found.differ_on_agreements) == (2, 1)
    assert (found.looked_at, found.differ) == (4, 2)
    assert {one.key for one in found.missing} == {"incoming/3.jpg", "incoming/5.jpg"}
    assert replace(passing[0], second=()) not in found.missing
