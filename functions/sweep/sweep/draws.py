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
TESTS = "incoming/scones-verify/"
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
    """

    position: Position
    at: datetime
    label: str
    confidence: float
    model_version: str | None
    decision: str | None

    @classmethod
    def from_item(cls, item: Item) -> Self | None:
        """Read an entry of the index; None for an image that did not pass."""
        verdict: dict[str, Any] = item.get("draw", {}).get("M", {})
        text = text_of(item, "draw_at") or ""
        at = moment_of(text)
        if at is None or not verdict.get("passed", {}).get("BOOL"):
            return None
        return cls(
            position=(text, item["image_key"]["S"], item["etag"]["S"]),
            at=at,
            label=verdict["label"]["S"],
            confidence=float(verdict["confidence"]["N"]),
            model_version=text_of(verdict, "model_version"),
            decision=_decision(item, at, verdict["label"]["S"]),
        )

    @property
    def is_test(self) -> bool:
        """Whether it is an image of `scones verify`."""
        return self.position[1].startswith(TESTS)

    def is_wrong(self, now: datetime, audit_days: int) -> bool | None:
        """
        Return whether it counts as an error; None while a person may still decide.

        Whatever does not confirm the model's label is an error: another class, neither, cannot_tell, an image that is
        gone, and one that nobody decided in time. The certificate has the same rule: a test holds both together.
        """
        if self.decision is None:
            return True if now - self.at > timedelta(days=audit_days) else None
        return self.decision != self.label


def _decision(item: Item, drawn: datetime, label: str) -> str | None:
    """
    Return the label of the first decision that disagrees with the model, otherwise of the agreement that stands.

    Only the first decision is made without knowing the verdict. `scones certify` has the same rule.
    """
    labels = []
    for entry in item.get("decisions", {}).get("L", []):
        at = moment_of(text_of(entry["M"], "at"))
        # An image that was gone and is uploaded again keeps the decisions of its earlier life.
        if at is not None and at >= drawn:
            labels.append(text_of(entry["M"], "label"))
    for one in labels:
        if one not in (label, UNDONE):
            return one
    return label if labels and labels[-1] != UNDONE else None


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
