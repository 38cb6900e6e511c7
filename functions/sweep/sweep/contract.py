"""Requests to Sweep, from its schedule and from `scones sweep`, and its responses."""

from typing import NotRequired, TypedDict


class Position(TypedDict):
    """A position in the listing: after this version of this key."""

    key: str
    version_id: str | None


class SweepRequest(TypedDict):
    """
    All fields are optional: the schedule sends none.

    With `start_after` (null: from the beginning) or `dry_run`, the bucket is listed from there to its end, as a manual
    sweep needs; the schedule's position does not change. With `restart_watch`, what the watch has counted is forgotten.
    """

    dry_run: NotRequired[bool]
    older_than_minutes: NotRequired[float]
    start_after: NotRequired[Position | None]
    restart_watch: NotRequired[bool]


class Swept(TypedDict):
    """One image and the reason for its kind."""

    key: str
    etag: str
    why: str


class DecisionCounts(TypedDict):
    """Executions of "Record decision" that were started again, and that could not be."""

    started: int
    errors: int


class SweepResponse(TypedDict):
    """
    What a run found, with the names of the first 100 images of each kind.

    With `dry_run`, `started` and `reported` are what a real run would do. `continue_after` is where the next invocation
    continues in the bucket: null at its end, and for the schedule also between two cycles of its listing. `stopped_by`
    says what ended the run before it had handled all it found, `time` or `starts`.
    """

    dry_run: bool
    looked_at: int
    counts: dict[str, int]
    images: dict[str, list[Swept]]
    decisions: DecisionCounts
    continue_after: Position | None
    stopped_by: str | None
