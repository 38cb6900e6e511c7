"""People's decisions: starts "Record decision" again where it did not finish, and says how long images wait."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sweep.claims import SHARDS, Item, items_of_shard, text_of
from sweep.contract import DecisionCounts
from sweep.decision import earliest
from sweep.images import moment_of
from sweep.observability import logger
from sweep.rescue import OF_ONE_IMAGE, Clients
from sweep.settings import Settings

EXPRESS_ENDS = timedelta(minutes=6)
"""An EXPRESS execution lasts five minutes: whatever recorded an older decision has ended."""
LONG_AGO = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


@dataclass(slots=True)
class Decisions:
    """
    The decisions that one run of the sweep found.

    Attributes
    ----------
    started, errors
        Executions of "Record decision" that were started, and that could not be.
    oldest
        When the oldest decision was made that is not recorded.
    oldest_review
        When the oldest image that waits for a person arrived.
    first_error
        Why the first of the errors occurred.
    """

    started: int = 0
    errors: int = 0
    oldest: datetime | None = None
    oldest_review: datetime | None = None
    first_error: str | None = None

    def counts(self) -> DecisionCounts:
        """Return what the sweep answers."""
        return {"started": self.started, "errors": self.errors}


def record_again(
    clients: Clients, settings: Settings, now: datetime, may_continue: Callable[[], bool]
) -> Decisions:
    """
    Start "Record decision" for each decision that it should have recorded, the oldest of each shard first.

    An error of one image does not end it. Entries that are left when it must stop are left to the next run.
    """
    found = Decisions()
    for item in _unrecorded(clients, settings):
        decided = moment_of(text_of(item, "state_since")) or LONG_AGO
        found.oldest = earliest(found.oldest, decided)
        # Its time is the client's word: one from a clock that is far ahead must not keep it from being recorded.
        if (
            abs(now - decided) < EXPRESS_ENDS
            or int(item.get("lease_until", {}).get("N", 0)) > now.timestamp()
        ):
            continue
        if not may_continue() or found.started == settings.max_starts_per_run:
            break
        key = {name: item[name]["S"] for name in ("image_key", "etag")}
        try:
            clients.stepfunctions.start_execution(
                stateMachineArn=settings.record_decision_arn,
                input=json.dumps(key | {"repeated": True}, ensure_ascii=False),
            )
            found.started += 1
        except OF_ONE_IMAGE as error:
            logger.exception("decision not recorded", key=key["image_key"])
            found.errors += 1
            found.first_error = found.first_error or f"{key['image_key']}: {type(error).__name__}: {error}"
    found.oldest_review = _oldest_review(clients, settings)
    return found


def _unrecorded(clients: Clients, settings: Settings) -> Iterator[Item]:
    for shard in range(SHARDS):
        for page in items_of_shard(clients.dynamodb, settings.claims_table, f"record#{shard}", LONG_AGO):
            yield from page


def _oldest_review(clients: Clients, settings: Settings) -> datetime | None:
    first = (
        next(
            items_of_shard(clients.dynamodb, settings.claims_table, f"person#{shard}", LONG_AGO, limit=1), []
        )
        for shard in range(SHARDS)
    )
    return earliest(*(moment_of(text_of(item, "state_since")) for items in first for item in items))
