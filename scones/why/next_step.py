"""What happens to an image next, and when: from what is known of it and the stack's settings. No clock, no cloud."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from scones.claims import Claim
from scones.execution_progress import ALIVE
from scones.image_keys import ImageKeys
from scones.pause_state import Pause
from scones.result_documents import Outcome
from scones.shell import quoted
from scones.stack import Stack
from scones.why.evidence import Evidence, moment_of

_ON_ITS_WAY: Final = timedelta(minutes=1)
_EXPRESS: Final = ":express:"
_NOT_FOUND: Final = "ImageNotFoundError"
_ARCHIVED: Final = "ImageArchivedError"
_GONE: Final = "its bytes were deleted from the bucket"


class Step(StrEnum):
    """What comes next, for machines."""

    NOTHING = "nothing"
    PERSON = "a person"
    RUNNING = "running"
    RETRY = "retry"
    SWEEP = "sweep"
    REDRIVE = "redrive"
    BACKFILL = "backfill"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Next:
    """What comes next, and the sentence that says so."""

    step: Step
    text: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When the stack's sweep starts an image again: parameters of the template."""

    minutes: int
    every_minutes: int
    days: int
    attempts: int

    @classmethod
    def of_stack(cls, stack: Stack) -> Self:
        """Read the parameters of a deployed stack."""
        names = ("SweepMinutes", "SweepEveryMinutes", "SweepDays", "SweepAttempts")
        return cls(*(stack.number(name) for name in names))


def next_step(image: Evidence, keys: ImageKeys, schedule: Schedule, options: str, now: datetime) -> Next:
    """
    Say what happens to an image next.

    Parameters
    ----------
    image
        What is known of it.
    keys
        Those that start the workflow.
    schedule
        Of the sweep.
    options
        Those that name the stack, for a command in a hint; starts with a space where it is not empty.
    """
    claim = image.claim
    if claim is None:
        return _unclaimed(image, keys, schedule, options, now)
    if claim.finished_at:
        return _finished(image, claim, options)
    if image.status in ALIVE:
        return _alive(image, now)
    if image.status is None and claim.execution and now.timestamp() < claim.claim_ends:
        until = clock_text(datetime.fromtimestamp(claim.claim_ends).astimezone(), now)
        return Next(
            Step.RUNNING,
            f"its EXPRESS execution may run until {until}; without an outcome by then, the sweep starts it again",
        )
    return _dead(image, claim, schedule, options, now)


def while_paused(following: Next, image: Evidence, pause: Callable[[], Pause | None]) -> Next:
    """
    Return what comes next, or that the stack is paused, where the image can only be started.

    Parameters
    ----------
    pause
        Read the pause in effect, if there is one: most images do not need it.
    """
    is_on_its_way = image.claim is None and following.step is Step.RUNNING
    if following.step is not Step.SWEEP and not is_on_its_way:
        return following
    found = pause()
    return Next(Step.PAUSED, found.sentence) if found else following


def _unclaimed(image: Evidence, keys: ImageKeys, schedule: Schedule, options: str, now: datetime) -> Next:
    version = image.version
    if version is None or not keys.take(image.key):
        return Next(
            Step.NOTHING,
            f"this stack takes only {keys}: copy it to such a key",
        )
    if version.size == 0 and image.key.endswith("/"):
        return Next(Step.NOTHING, "it is a folder marker, not an image")
    age = now - version.uploaded_at
    if age < _ON_ITS_WAY:
        return Next(Step.RUNNING, "its event is on its way; an execution claims it within seconds")
    if not version.is_current:
        return _only_by_upload("a version that is not the current one is never started")
    if age > timedelta(days=schedule.days):
        return _too_old(image, schedule, options)
    return Next(
        Step.SWEEP,
        "no execution has claimed it: its event was lost, or EventBridge still tries to deliver it (for a day). "
        "The sweep lists the bucket every six hours and starts what it finds; "
        f"`scones sweep{options}` does so now",
    )


def _finished(image: Evidence, claim: Claim, options: str) -> Next:
    match claim.shown_outcome:
        case Outcome.PASSED | Outcome.REVIEWED:
            return Next(Step.NOTHING, "this is its final outcome")
        case Outcome.REVIEW:
            return _in_review(image, claim, options)
        case Outcome.REJECTED:
            return _rejected(image)
        case Outcome.FAILED | None if image.version is None:
            return _only_by_upload(_GONE)
        case Outcome.FAILED | None:
            return Next(Step.REDRIVE, f"once the cause is fixed, `scones redrive{options}` starts it again")


def _rejected(image: Evidence) -> Next:
    error = (image.document.content.get("error") or {}).get("name") if image.document else None
    if error == _NOT_FOUND:
        return _only_by_upload("its bytes were deleted or replaced before they could be read")
    if error == _ARCHIVED:
        return Next(Step.NOTHING, "it is in an archive of S3: restore it, and upload it again")
    return Next(Step.NOTHING, "the file is at fault: upload a corrected one")


def _in_review(image: Evidence, claim: Claim, options: str) -> Next:
    if claim.waits_for_person and (image.version is None or image.version.is_deleted):
        gone = "its bytes were deleted or replaced"
        return Next(Step.PERSON, f"{gone}: `scones review{options}` takes it out of the queue")
    if claim.waits_for_person:
        return Next(Step.PERSON, f"it waits for a person: `scones review{options}` shows it")
    return Next(Step.NOTHING, "a person has decided; the decision is being recorded")


def _alive(image: Evidence, now: datetime) -> Next:
    progress, retries = image.progress, image.retries
    if progress is None or not progress.failures:
        return Next(Step.RUNNING, "its outcome follows, normally within seconds")
    if retries is None:
        return Next(Step.RUNNING, "this error is not retried: the outcome that it leads to follows")
    cause = "waits for the endpoint: " if progress.failures[-1].is_of_endpoint else ""
    left = math.ceil((retries.next_by - now).total_seconds())
    when = f"within {left:,} s" if progress.is_waiting and left > 0 else "is under way"
    ends = clock_text(retries.gives_up_at.astimezone(), now)
    return Next(Step.RETRY, f"{cause}attempt {len(progress.failures) + 1} {when}; gives up at about {ends}")


def _dead(image: Evidence, claim: Claim, schedule: Schedule, options: str, now: datetime) -> Next:
    if image.version is None:
        return _only_by_upload(_GONE)
    redrive = f"`scones redrive{options}`"
    if claim.reported_at and (claim.claimed_at is None or claim.claimed_at <= claim.reported_at):
        tried = f"{claim.sweeps} {'time' if claim.sweeps == 1 else 'times'}"
        return Next(
            Step.REDRIVE,
            f"the sweep started it {tried} and gave it up; once the cause is fixed, {redrive} starts it again",
        )
    since = moment_of(claim.state_since) or image.version.uploaded_at
    if now - since > timedelta(days=schedule.days):
        return _too_old(image, schedule, options)
    first = since + timedelta(minutes=schedule.minutes)
    swept_at, claimed_at = moment_of(claim.swept_at), moment_of(claim.claimed_at)
    if swept_at and (claimed_at is None or claimed_at < swept_at):
        first = max(first, swept_at + timedelta(minutes=schedule.minutes))
    when = (
        f"within {schedule.every_minutes} minutes"
        if first <= now
        else f"after {clock_text(first.astimezone(), now)}, within {schedule.every_minutes} minutes"
    )
    if claim.sweeps >= schedule.attempts:
        return Next(
            Step.REDRIVE,
            f"the sweep has started it {claim.sweeps} times and gives it up {when}; "
            f"once the cause is fixed, {redrive} starts it again",
        )
    if claim.execution is None:
        # A redrive starts what has failed; this image has had no execution that could fail.
        now_too = (
            f"; `scones sweep{options}` does so {'now' if first <= now else 'then'}, whatever the schedule"
        )
    else:
        now_too = "" if _EXPRESS in claim.execution else f"; {redrive} does so now"
    return Next(
        Step.SWEEP,
        f"the sweep starts it again {when} (start {claim.sweeps + 1} of {schedule.attempts}){now_too}",
    )


def _too_old(image: Evidence, schedule: Schedule, options: str) -> Next:
    alone = f"the sweep leaves images older than {schedule.days} days alone"
    if image.version is None or not image.version.is_current:
        return _only_by_upload(f"{alone}, and a backfill starts only current versions")
    return Next(Step.BACKFILL, f"{alone}: `scones backfill{options} {quoted(image.key)}` starts it")


def _only_by_upload(why: str) -> Next:
    return Next(Step.NOTHING, f"nothing: {why}; upload it again")


def clock_text(moment: datetime, now: datetime) -> str:
    """Return `14:03:20`, with the date in front where it is not today."""
    local = now.astimezone(moment.tzinfo)
    return f"{moment:%H:%M:%S}" if moment.date() == local.date() else f"{moment:%Y-%m-%d %H:%M}"
