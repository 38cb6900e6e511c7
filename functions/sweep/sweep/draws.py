"""The audits of images that passed, in the order in which they were drawn, read from the index `by_draw`."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from sweep.claims import SHARDS, DynamoDB, Item, text_of
from sweep.images import iso_text, moment_of

INDEX = "by_draw"
PAGE = 100
"""Draws read of a shard at a time: reading ends at the first undecided one, so most of a large page would be wasted."""
SETTLED = timedelta(minutes=2)
"""An index may be so late. A draw that comes later still is not counted, which has nothing to do with its label."""
UNDONE = "undone"
SLIP, COUNTS_AFTER = timedelta(seconds=30), timedelta(minutes=1)
"""For how long a decision can be taken back as if it had not been made, because nobody was shown the verdict; and after
how long it counts: the index may not say at once that it was."""
TESTS = "/scones-verify/"
"""Images of `scones verify`, which nobody promised anything about."""

type Position = tuple[str, str, str]
"""Time, key and ETag of a draw: the order in which draws are counted."""


@dataclass(frozen=True, slots=True)
class Draw:
    """
    A drawn image that passed.

    Attributes
    ----------
    at
        When its outcome was stored.
    label, confidence
        The model's.
    model_version
        As the endpoint reported it.
    decision
        The label that counts: a class, neither, cannot_tell or gone; None while nobody has decided.
    decided_at
        When that was decided.
    """

    position: Position
    at: datetime
    label: str
    confidence: float
    model_version: str | None
    decision: str | None
    decided_at: datetime | None = None

    @classmethod
    def from_item(cls, item: Item) -> Self | None:
        """Read an entry of the index; None for an image that did not pass."""
        verdict: dict[str, Any] = item.get("draw", {}).get("M", {})
        text = text_of(item, "draw_at") or ""
        at = moment_of(text)
        if at is None or not verdict.get("passed", {}).get("BOOL"):
            return None
        decision, decided_at = _decision(item, at, verdict["label"]["S"])
        return cls(
            position=(text, item["image_key"]["S"], item["etag"]["S"]),
            at=at,
            label=verdict["label"]["S"],
            confidence=float(verdict["confidence"]["N"]),
            model_version=text_of(verdict, "model_version"),
            decision=decision,
            decided_at=decided_at,
        )

    @property
    def is_test(self) -> bool:
        """Whether it is an image of `scones verify`."""
        return TESTS in f"/{self.position[1]}"

    def is_wrong(self, now: datetime, audit_days: int) -> bool | None:
        """
        Return whether it counts as an error; None while a person may still decide.

        Whatever does not confirm the model's label is an error: another class, neither, cannot_tell, an image that is
        gone, and one that nobody decided in time. The certificate has the same rule: a test holds both together.
        """
        is_settled = (
            self.decided_at is not None and now - self.decided_at >= COUNTS_AFTER
        )  # it cannot be a slip
        if not is_settled and now - self.at < timedelta(days=audit_days):
            return None
        return self.decision != self.label


def _decision(item: Item, drawn: datetime, label: str) -> tuple[str | None, datetime | None]:
    """
    Return label and time of the first decision that disagrees with the model, otherwise of the agreement that stands.

    Only the first decision is made without knowing the verdict, unless it was taken back before that was shown. `scones
    certify` has the same rule.
    """
    entries = [entry["M"] for entry in item.get("decisions", {}).get("L", [])]
    dated = [(entry, at) for entry in entries if (at := moment_of(text_of(entry, "at"))) is not None]
    # An image that was gone and is uploaded again keeps the decisions of its earlier life.
    later = _without_slips([(entry, at) for entry, at in dated if at >= drawn])
    for entry, at in later:
        if text_of(entry, "label") not in (label, UNDONE):
            return text_of(entry, "label"), at
    if later and text_of(later[-1][0], "label") != UNDONE:
        return label, later[-1][1]
    return None, None


def _without_slips(entries: list[tuple[Item, datetime]]) -> list[tuple[Item, datetime]]:
    """Return the decisions from the first on that its reviewer did not take back before the verdict was shown."""
    start = 0
    while start + 1 < len(entries):
        (one, at), (following, then) = entries[start], entries[start + 1]
        replaced = text_of(following, "replaces")
        if (
            replaced is None
            or replaced != text_of(one, "id")
            or text_of(following, "by") != text_of(one, "by")
        ):
            break
        if not timedelta(0) <= then - at <= SLIP:
            break
        # Undone, the image waits again, and who decides then does not know the verdict either.
        start += 2 if text_of(following, "label") == UNDONE else 1
    return entries[start:]


def drawn_passes(
    client: DynamoDB, table: str, after: Position | None, since: datetime, until: datetime
) -> Iterator[Draw]:
    """Yield the drawn images that passed, after a position or from a time on, in order; reads what is consumed."""
    first = after[0] if after else iso_text(since)
    shards = (_items(client, table, f"drawn#{shard}", first, iso_text(until)) for shard in range(SHARDS))
    draws = ((draw for item in items if (draw := Draw.from_item(item)) is not None) for items in shards)
    for draw in heapq.merge(*draws, key=lambda draw: draw.position):
        if after is None or draw.position > after:
            yield draw


def _items(client: DynamoDB, table: str, shard: str, first: str, last: str) -> Iterator[Item]:
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": INDEX,
        "KeyConditionExpression": "draw_shard = :shard AND draw_at BETWEEN :first AND :last",
        "ExpressionAttributeValues": {
            ":shard": {"S": shard},
            ":first": {"S": first},
            ":last": {"S": max(first, last)},
        },
        "Limit": PAGE,
    }
    while True:
        answer = client.query(**request)
        yield from answer["Items"]
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
