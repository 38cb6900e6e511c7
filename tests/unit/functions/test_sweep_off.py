"""Until when audits were off is known when the claims of that time have expired, also to `scones certify`."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from scones import audits
from sweep import off
from sweep.images import iso_text
from tests.unit.functions.sweep_stack import Stack, deployed

HOUR = timedelta(hours=1)


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as stack:
        stack.set(audit_share=0.02)
        yield stack


def classify(stack: Stack, name: str, at: datetime, part: str = "off") -> dict[str, Any]:
    """Store the claim of an image that was classified while audits were off; return its key."""
    key = {"image_key": {"S": f"incoming/{name}"}, "etag": {"S": "e"}}
    drawn = {"draw_shard": {"S": f"{part}#{len(name) % 16}"}, "draw_at": {"S": iso_text(at)}}
    stack.client("dynamodb").put_item(TableName="claims", Item=key | drawn)
    return key


def off_until(stack: Stack) -> str | None:
    return audits.off_until(stack.client("dynamodb"), "claims")


def test_claims_that_expired_are_remembered(stack: Stack) -> None:
    began = stack.now
    keys = [classify(stack, name, began + n * HOUR) for n, name in enumerate(("a", "bb", "ccc"))]
    classify(stack, "later", began + 9 * HOUR, "drawn")
    stack.sweep(minutes_later=600)
    for key in keys:
        stack.client("dynamodb").delete_item(TableName="claims", Key=key)
    assert off_until(stack) == iso_text(began + 2 * HOUR)
    stack.sweep(minutes_later=60)
    assert off_until(stack) == iso_text(began + 2 * HOUR), "audits that are on move nothing"


def test_an_older_claim_does_not_replace_a_newer_time(stack: Stack) -> None:
    began = stack.now
    stack.set(audit_share=0)
    stack.sweep(minutes_later=60)
    stack.set(audit_share=0.02)
    classify(stack, "older", began)
    stack.sweep(minutes_later=60)
    assert off_until(stack) == iso_text(began + HOUR)
    classify(stack, "of an execution that was begun before the deploy", began + 3 * HOUR)
    assert off_until(stack) == iso_text(began + 3 * HOUR), "before the sweep has seen it"


def test_a_time_without_audits_in_which_all_claims_expired_is_remembered(stack: Stack) -> None:
    """The index is not there while audits are off, so that time itself is stored."""
    stack.set(audit_share=0)
    for _ in range(3):
        stack.sweep(minutes_later=15)
    last = stack.now
    stack.set(audit_share=0.02)
    stack.sweep(minutes_later=15)
    assert off_until(stack) == iso_text(last)


def test_where_audits_always_were_on_nothing_is_stored(stack: Stack) -> None:
    classify(stack, "drawn", stack.now, "drawn")
    stack.sweep(minutes_later=60)
    assert off_until(stack) is None
    assert audits.OFF == off.ITEM


def test_a_dry_run_stores_nothing(stack: Stack) -> None:
    classify(stack, "a", stack.now)
    stack.sweep(minutes_later=60, dry_run=True)
    assert "Item" not in stack.client("dynamodb").get_item(TableName="claims", Key=off.ITEM)
