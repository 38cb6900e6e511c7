"""The rules of the sweep: what to do about one image, and counts of what was done. No clock and no AWS here."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sweep.claims import Claim
from sweep.contract import Swept
from sweep.images import Image

ALIVE = frozenset({"RUNNING", "PENDING_REDRIVE"})
GONE = "GONE"
"""Status of an execution that Step Functions does not know (any more)."""
SETTLING = timedelta(minutes=1)
"""A started execution claims its image within seconds; no sweep starts a second one earlier, whatever the settings."""
NAMED = 100
"""Most images named for each kind: the response must fit into Lambda's limit."""


class Kind(StrEnum):
    """The kind under which an image is counted; the last five need a sweep."""

    WAITING = "waiting"
    TOO_OLD = "too_old"
    FINISHED = "finished"
    RUNNING = "running"
    PAUSED = "paused"
    STARTED = "started"
    REPORTED = "reported"
    EXHAUSTED = "exhausted"
    ERRORS = "errors"


UNCLASSIFIED = frozenset({Kind.RUNNING, Kind.PAUSED, Kind.STARTED})
"""Without an outcome and not given up: images that were given up are in a queue with a separate alarm."""


@dataclass(frozen=True, slots=True)
class Limits:
    """
    The range of ages in which an image is swept, and how often it is started.

    Attributes
    ----------
    paused
        Whether the stack is paused: nothing is started, and nothing given up.
    """

    older_than: timedelta
    not_older_than: timedelta
    attempts: int
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The kind of an image: an action (STARTED, REPORTED) or a state in which it is left; and the reason in words."""

    kind: Kind
    why: str


def by_age(image: Image, now: datetime, limits: Limits) -> Decision | None:
    """Skip images that are too young or too old; None for those whose claim must be read."""
    age = now - image.last_modified
    if age < limits.older_than:
        return Decision(Kind.WAITING, f"younger than {_minutes(limits.older_than)}")
    if age > limits.not_older_than:
        return Decision(Kind.TOO_OLD, f"older than {limits.not_older_than.days} days")
    return None


def by_claim(claim: Claim, owner: str | None, now: datetime, limits: Limits) -> Decision:
    """
    Decide on an image that is old enough.

    Parameters
    ----------
    claim
        The item in the table; an empty claim where there is none.
    owner
        Status of the execution that owns the image, or `GONE`; None where it is unknown (EXPRESS) or none owns it.
    """
    if claim.finished:
        return Decision(Kind.FINISHED, "has its outcome")
    if claim.execution is not None:
        if owner in ALIVE:
            return Decision(Kind.RUNNING, f"its execution is {owner}")
        if owner is None and now.timestamp() < claim.claim_ends:
            return Decision(Kind.RUNNING, "its execution may still be running")
    if (
        claim.swept_at is not None
        and claim.awaits_swept_execution
        and now - claim.swept_at < max(limits.older_than, SETTLING)
    ):
        return Decision(Kind.RUNNING, "a sweep has just started it")
    return _of_a_lost_image(claim, _how_it_was_lost(claim, owner), limits)


def _of_a_lost_image(claim: Claim, lost: str, limits: Limits) -> Decision:
    if limits.paused and not claim.given_up:
        return Decision(Kind.PAUSED, f"the stack is paused: {lost}")
    if claim.sweeps < limits.attempts:
        return Decision(Kind.STARTED, lost)
    why = f"started by {claim.sweeps} sweeps without success: {lost}"
    return Decision(Kind.EXHAUSTED if claim.given_up else Kind.REPORTED, why)


def _how_it_was_lost(claim: Claim, owner: str | None) -> str:
    if claim.execution is None:
        return "no execution has ever claimed it"
    if owner is None:
        return "its execution has exceeded its time limit and left no outcome"
    if owner == GONE:
        return "its execution no longer exists and left no outcome"
    return f"its execution ended {owner} and left no outcome"


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:g} minutes"


class Tally:
    """Counts images by kind, and keeps the first names of each."""

    def __init__(self) -> None:
        self._counts: Counter[Kind] = Counter()
        self._named: defaultdict[Kind, list[Swept]] = defaultdict(list)
        self.oldest: datetime | None = None
        """When the oldest image without an outcome arrived, among those not given up."""

    def add(self, image: Image, kind: Kind, why: str) -> None:
        """Count an image."""
        self._counts[kind] += 1
        if kind in UNCLASSIFIED:
            self.oldest = earliest(self.oldest, image.last_modified)
        if len(self._named[kind]) < NAMED:
            self._named[kind].append({"key": image.key, "etag": image.etag, "why": why})

    def __getitem__(self, kind: Kind) -> int:
        """Return the number of images of a kind."""
        return self._counts[kind]

    @property
    def looked_at(self) -> int:
        """Total number of images."""
        return self._counts.total()

    def counts(self) -> dict[str, int]:
        """Return the count of every kind, 0 included."""
        return {str(kind): self._counts[kind] for kind in Kind}

    def images(self) -> dict[str, list[Swept]]:
        """Return the first images of every kind."""
        return {str(kind): self._named[kind] for kind in Kind}


def earliest(*moments: datetime | None) -> datetime | None:
    """Return the earliest of the times that are known."""
    return min((moment for moment in moments if moment is not None), default=None)
