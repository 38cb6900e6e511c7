"""The rolling listing of the bucket, and the state that one scheduled run leaves for the next."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Self

from sweep.claims import SHARDS, DynamoDB
from sweep.contract import Position
from sweep.images import iso_text, moment_of

CYCLE = timedelta(hours=6)
"""Minimum time between the starts of two cycles. Only images that were never claimed wait for the next one."""
PAGES_PER_RUN = 80
"""Limits the daily cost for a bucket of any size: more objects make a cycle longer."""
# Not a possible key of an image: those begin with the incoming prefix.
CURSOR = {"image_key": {"S": "#sweep"}, "etag": {"S": "cursor"}}


@dataclass(frozen=True, slots=True)
class Cursor:
    """
    Where the next scheduled run continues.

    Attributes
    ----------
    position
        Position in the listing; None at its beginning and between two cycles.
    started, finished
        When the cycle began and, once it is over, when it ended.
    last_length
        How long the last finished cycle took.
    missed, missed_before
        When the oldest image arrived that this cycle (and the previous one) found without an outcome and could not put
        into the index.
    unlisted, unlisted_before
        How many images this cycle (and the previous one) found with an outcome that is not in the index of outcomes:
        an execution that began before a deploy of that index has closed them. `scones status` names `scones reindex`.
    shard, since
        Where in the index the last run was stopped; the beginning of the first shard when it was not.
    """

    position: Position | None = None
    started: datetime | None = None
    finished: datetime | None = None
    last_length: timedelta = timedelta(0)
    missed: datetime | None = None
    missed_before: datetime | None = None
    shard: int = 0
    since: datetime | None = None
    unlisted: int = 0
    unlisted_before: int = 0

    def begun(self, now: datetime) -> Self | None:
        """Return the current cycle, or a new one; None while the next one is not due."""
        if self.started is None:  # never, or by a version that stored only its position
            return replace(self, started=now)
        if self.finished is None:
            return self
        if now - self.started < CYCLE:
            return None
        return replace(
            self,
            started=now,
            finished=None,
            missed=None,
            missed_before=self.missed,
            unlisted=0,
            unlisted_before=self.unlisted,
        )

    def at_end(self, now: datetime) -> Self:
        """Return the cycle in its finished state."""
        return replace(self, position=None, finished=now, last_length=now - (self.started or now))

    def length(self, now: datetime) -> timedelta:
        """Return how long a cycle takes: the last one, or the current one once that is longer."""
        under_way = now - self.started if self.started and self.finished is None else timedelta(0)
        return max(self.last_length, under_way)


def read_cursor(client: DynamoDB, table: str) -> Cursor:
    """Return the state that the last scheduled run left; the initial state where there was none."""
    item = client.get_item(TableName=table, Key=CURSOR, ConsistentRead=True).get("Item", {})

    def text(name: str) -> str | None:
        value: str | None = item.get(name, {}).get("S")
        return value

    key = text("start_after")
    return Cursor(
        position=None if key is None else {"key": key, "version_id": text("version_id")},
        started=moment_of(text("cycle_started")),
        finished=moment_of(text("cycle_finished")),
        last_length=timedelta(seconds=float(item.get("last_cycle_seconds", {}).get("N", 0))),
        missed=moment_of(text("missed")),
        missed_before=moment_of(text("missed_before")),
        unlisted=int(item.get("unlisted", {}).get("N", 0)),
        unlisted_before=int(item.get("unlisted_before", {}).get("N", 0)),
        shard=int(item.get("next_shard", {}).get("N", 0)) % SHARDS,
        since=moment_of(text("next_since")),
    )


def write_cursor(client: DynamoDB, table: str, cursor: Cursor) -> None:
    """Store what the next scheduled run needs."""
    position = cursor.position
    texts = {
        "start_after": position["key"] if position else None,
        "version_id": position["version_id"] if position else None,
        **{
            name: None if moment is None else iso_text(moment)
            for name, moment in {
                "cycle_started": cursor.started,
                "cycle_finished": cursor.finished,
                "missed": cursor.missed,
                "missed_before": cursor.missed_before,
                "next_since": cursor.since,
            }.items()
        },
    }
    item: dict[str, Any] = {name: {"S": text} for name, text in texts.items() if text is not None}
    numbers = {
        "next_shard": cursor.shard,
        "last_cycle_seconds": round(cursor.last_length.total_seconds()),
        "unlisted": cursor.unlisted,
        "unlisted_before": cursor.unlisted_before,
    }
    item |= {name: {"N": str(number)} for name, number in numbers.items()}
    client.put_item(TableName=table, Item=CURSOR | item)
