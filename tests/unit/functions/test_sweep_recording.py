"""Decisions of people that nobody has recorded: the sweep starts "Record decision" again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from sweep.images import iso_text
from sweep.run import SweepFailedError
from tests.unit.functions.sweep_stack import STANDARD, Stack


def decided(stack: Stack, name: str, *, shard: int = 0, lease_until: float = 0, **age: float) -> None:
    more = {"lease_until": int(lease_until)} if lease_until else {}
    since = iso_text(stack.now - timedelta(**age))
    stack.claim(
        name,
        "e1",
        decision="1" * 32,
        finished_at=since,
        state_shard=f"record#{shard}",
        state_since=since,
        **more,
    )


def test_decisions_that_are_not_recorded_are_started_again(stack: Stack) -> None:
    decided(stack, "a+b é.jpg", shard=3, minutes=7)
    decided(stack, "b", shard=15, hours=5)
    decided(stack, "just now", minutes=5)
    answer = stack.sweep()
    assert sorted(stack.stepfunctions.recorded, key=lambda one: str(one["image_key"])) == [
        {"image_key": "incoming/a+b é.jpg", "etag": "e1", "repeated": True},
        {"image_key": "incoming/b", "etag": "e1", "repeated": True},
    ]
    assert answer["decisions"] == {"started": 2, "errors": 0}
    assert stack.stepfunctions.started == []
    assert stack.oldest_minutes() == 300


def test_a_decision_dated_by_a_clock_that_is_ahead_does_not_wait_for_it(stack: Stack) -> None:
    decided(stack, "a", days=-365)
    assert stack.sweep()["decisions"]["started"] == 1


def test_one_that_is_being_recorded_is_left_alone_until_its_lease_ends(stack: Stack) -> None:
    decided(stack, "a", minutes=10, lease_until=stack.now.timestamp() + 120)
    assert stack.sweep()["decisions"]["started"] == 0
    assert stack.sweep(minutes_later=3)["decisions"]["started"] == 1


def test_a_dry_run_starts_none(stack: Stack) -> None:
    decided(stack, "a", hours=1)
    assert stack.sweep(dry_run=True)["decisions"] == {"started": 0, "errors": 0}
    assert stack.stepfunctions.recorded == []


def test_one_that_cannot_be_started_does_not_stop_the_others(stack: Stack) -> None:
    for name in ("a", "b", "c"):
        decided(stack, name, hours=1)
    stack.stepfunctions.refuse = ("b",)
    assert stack.sweep()["decisions"] == {"started": 2, "errors": 1}


def test_a_sweep_that_can_start_none_fails_after_the_images(stack: Stack) -> None:
    decided(stack, "a", hours=1)
    stack.stepfunctions.refuse = ("a",)
    stack.put("lost")
    with pytest.raises(
        SweepFailedError, match="none of 1 decisions could be recorded; incoming/a: ClientError"
    ):
        stack.sweep(older_than_minutes=-10_000)
    assert stack.stepfunctions.keys == ["lost"]


def test_a_run_starts_no_more_than_it_may_and_the_next_ones_do_the_rest(stack: Stack) -> None:
    for number in range(5):
        decided(stack, str(number), hours=1)
    stack.set(max_starts_per_run=2)
    assert stack.sweep()["decisions"]["started"] == 2


def test_a_run_without_time_starts_none(stack: Stack) -> None:
    decided(stack, "a", hours=1)
    stack.remaining_ms = lambda: 1_000
    assert stack.sweep()["decisions"]["started"] == 0
    assert stack.oldest_minutes() == 60


@pytest.mark.parametrize("recorded", [True, False])
def test_a_decided_image_is_never_classified_again(stack: Stack, *, recorded: bool) -> None:
    """Neither by the listing nor by a manual sweep of everything, whatever its claim says of executions."""
    (etag,) = stack.put("decided")
    gone: dict[str, Any] = {
        "execution": STANDARD,
        "claim_ends": 1,
        "sweeps": 0,
        "finished_at": "2026-11-20T10:00:00Z",
    }
    waiting = {} if recorded else {"state_shard": "record#0", "state_since": "2026-11-20T10:00:00Z"}
    stack.claim("decided", etag, decision="1" * 32, outcome="reviewed", **gone, **waiting)
    before = stack.item("decided", etag)
    stack.sweep(minutes_later=60)
    answer = stack.sweep(older_than_minutes=0, start_after=None)
    assert answer["counts"]["finished"] == 1
    assert stack.stepfunctions.started == []
    assert stack.item("decided", etag) == before


def test_the_oldest_image_that_waits_for_a_person_is_found(stack: Stack) -> None:
    for number, hours in enumerate((5, 80, 7)):
        since = iso_text(stack.now - timedelta(hours=hours))
        stack.claim(
            str(number), "e1", outcome="review", state_shard=f"person#{number * 7}", state_since=since
        )
    stack.sweep()
    assert stack.run is not None
    assert stack.run.decisions.oldest_review == stack.now - timedelta(hours=80)
    assert stack.oldest_minutes() == 0, "it has its outcome"
    assert stack.stepfunctions.recorded == []
