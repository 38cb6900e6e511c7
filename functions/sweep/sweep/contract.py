"""The events and results that cross the wire to Sweep: from its schedule, and from `scones sweep`."""

from typing import NotRequired, TypedDict


class Position(TypedDict):
    """A place in the listing: after this version of this key."""

    key: str
    version_id: str | None


class SweepRequest(TypedDict):
    """
    All optional: the schedule sends none of it.

    With `start_after`, null for its beginning, or `dry_run` the bucket is listed from there to its end, as a person's
    sweep wants it; the schedule's position is left alone.
    """

    dry_run: NotRequired[bool]
    older_than_minutes: NotRequired[float]
    start_after: NotRequired[Position | None]


class Swept(TypedDict):
    """One image and why it is counted where it is."""

    key: str
    etag: str
    why: str


class SweepResponse(TypedDict):
    """
    What a run found, the first 100 images of each kind named.

    With `dry_run`, `started` and `reported` are what would have been. `continue_after` is where the next invocation
    continues in the bucket: null at its end, and for the schedule also between two cycles of its listing. `stopped_by`
    says what ended the run before it had handled all it found, `time` or `starts`.
    """

    dry_run: bool
    looked_at: int
    counts: dict[str, int]
    images: dict[str, list[Swept]]
    continue_after: Position | None
    stopped_by: str | None
