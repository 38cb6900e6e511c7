"""One rule for all lists and counts that reviewers may read: an image that waits for a person shows no verdict.

Whoever knows what the model said decides differently, so an image of the audit must look like any other that waits: in
every list and count it is to review, whatever its outcome, and it is in none that was chosen by a verdict. The same
holds for half a minute after the decision, which may be a slip of the finger (`scones.decisions.slips`).
"""

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched, chain
from typing import TYPE_CHECKING, Final

from scones.claims import Claim, read_claims
from scones.decisions.slips import SHOWN_AFTER
from scones.index import Ended, InState, time_text
from scones.result_documents import Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

QUEUED: Final = ("person", "record")
"""The states of the images that a list of the outcome `review` has: they wait, or are decided and not recorded yet."""
LATE: Final = SHOWN_AFTER + timedelta(seconds=15)
"""Whether the verdict of an image that ended so shortly before another one is hidden, the index of the queue does not
say: it is late, and does not have what was decided just now."""
_BATCH: Final = 60
"""Claims read at a time: a page of the console. Each costs a read unit."""


def hidden(
    dynamodb: "DynamoDBClient", table: str, names: Iterable[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """
    Return which of these images, by key and ETag, have a verdict that must not be shown.

    Read from the table, not from an index: an index is late, and would show what has just begun to wait.
    """
    claims = read_claims(dynamodb, table, names)
    return frozenset(name for name, claim in claims.items() if claim.hides_verdict)


def without_verdict(one: Ended) -> Ended:
    """Return an image as it is shown while it waits for a person."""
    return replace(one, outcome=Outcome.REVIEW, label=None, confidence=None, reason=None)


def as_shown(
    dynamodb: "DynamoDBClient", table: str, images: Iterable[Ended], waiting: Collection[tuple[str, str]]
) -> Iterator[Ended]:
    """
    Yield images, the newest first, for counts: those that wait are to review, and have no verdict.

    Parameters
    ----------
    waiting
        Keys and ETags of all that waits, by the index of the queue. The claims of the images of the last `LATE` are
        read in addition: for all of them, the table would cost a read unit each.
    """
    ordered = iter(images)
    newest = next(ordered, None)
    if newest is None:
        return
    recent = time_text(datetime.fromisoformat(newest.finished_at) - LATE)
    late, following = [newest], None
    for one in ordered:
        if one.finished_at < recent:
            following = one
            break
        late.append(one)
    claims = read_claims(dynamodb, table, [(one.image_key, one.etag) for one in late])
    unlisted = {name for name, claim in claims.items() if claim.hides_verdict}
    for one in late:
        name = one.image_key, one.etag
        yield without_verdict(one) if name in waiting or name in unlisted else one
    if following is None:
        return
    for one in chain([following], ordered):
        yield without_verdict(one) if (one.image_key, one.etag) in waiting else one


@dataclass(slots=True)
class BlindList:
    """
    A list of images that have an outcome, for people who may be reviewers.

    Attributes
    ----------
    outcomes
        Those that the list is of; empty for all.
    by_verdict
        Whether it was chosen by label, confidence or reason.
    """

    dynamodb: "DynamoDBClient"
    table: str
    outcomes: Collection[Outcome] = ()
    by_verdict: bool = False

    @property
    def leaves_out(self) -> bool:
        """Whether it has no image that waits: being in it would tell of the verdict, and so would their number."""
        return self.by_verdict or bool(self.outcomes and Outcome.REVIEW not in self.outcomes)

    @property
    def has_queue(self) -> bool:
        """Whether it has all that waits, and not all outcomes: what waits is then read from the queue."""
        return not self.leaves_out and bool(self.outcomes) and len(set(self.outcomes)) < len(Outcome)

    @property
    def indexed(self) -> list[Outcome]:
        """The outcomes whose images are read from the index by time."""
        wanted = set(self.outcomes or Outcome) - (
            {Outcome.REVIEW} if self.has_queue or self.by_verdict else set()
        )
        return [one for one in Outcome if one in wanted]

    def rows(self, images: Iterable[Ended]) -> Iterator[Ended]:
        """Yield the images without the verdicts that must not be shown."""
        for batch in batched(images, _BATCH, strict=False):
            names = hidden(self.dynamodb, self.table, [(one.image_key, one.etag) for one in batch])
            for one in batch:
                if (one.image_key, one.etag) not in names:
                    yield one
                elif not (self.leaves_out or self.has_queue):
                    yield without_verdict(one)

    def rows_and_queue(self, images: Iterable[Ended], queue: Iterable[InState]) -> Iterator[Ended]:
        """
        Yield the images without what waits, and what waits from the queue, the newest first.

        What waits has the time since when it does: the queue is in that order.

        Parameters
        ----------
        queue
            The images in `QUEUED`, the newest first.
        """
        rows = self.rows(images), self._queued(queue)
        yield from heapq.merge(*rows, key=lambda one: one.position, reverse=True)

    def _queued(self, queue: Iterable[InState]) -> Iterator[Ended]:
        for batch in batched(queue, _BATCH, strict=False):
            claims = read_claims(self.dynamodb, self.table, [(one.image_key, one.etag) for one in batch])
            for one in batch:
                claim = claims.get((one.image_key, one.etag), Claim())
                if claim.waits_for_person or claim.outcome is Outcome.REVIEW:
                    yield Ended(
                        one.image_key,
                        one.etag,
                        Outcome.REVIEW,
                        one.since,
                        version_id=one.version_id,
                        size=one.size,
                    )
