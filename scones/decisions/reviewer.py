"""Decisions of a person about images: what a reviewer's client reads and writes, with the reviewer's own credentials.

A decision is one conditional write to the image's claim, which wins or loses. Everything that follows from it is done
by the state machine "Record decision", which is started here, and again by the sweep where it did not finish.
"""

import heapq
import json
import random
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Final

from scones.decisions.aws_clock import AwsClock
from scones.decisions.bursts import burst_of
from scones.decisions.decision import (
    CANNOT_TELL,
    GONE,
    NEITHER,
    UNDONE,
    Decision,
    Verdict,
)
from scones.decisions.decision_table import DecisionTable, lost, undo_not_recorded
from scones.decisions.image_bytes import read_image, require_image
from scones.decisions.review_errors import (
    ImageGoneError,
    LeaseLostError,
    NotAllowedError,
    NotRecordedYetError,
    NotWaitingError,
    ReviewError,
    named_permissions,
)
from scones.decisions.review_image import ReviewImage
from scones.decisions.review_queue import QueueLength, ReviewQueue
from scones.decisions.slips import SHOWN_AFTER
from scones.errors import explain
from scones.pace import Pace
from scones.result_documents import Outcome

if TYPE_CHECKING:
    from scones.connection import Connection
    from scones.stack import Stack

RECORDED_S: Final = 15.0
"""For how long an undo or a correction waits for the decision that it replaces to be recorded: a second, as a rule."""
_SPREAD: Final = 20
"""Images at the head of the queue that reviewers spread over, once they find that another one took the first."""


@dataclass(frozen=True, slots=True)
class Decided:
    """
    A decision that was written.

    Attributes
    ----------
    problem
        Why "Record decision" could not be started, None where it was; the sweep starts it in any case.
    """

    decision: Decision
    problem: str | None = None


class Reviewer:
    """
    One reviewing session on a stack; threads may share it.

    Methods raise a `ReviewError` for what a reviewer can meet, and botocore's errors for the rest, which
    `scones.errors.explain` says in one line.

    Attributes
    ----------
    connection
        With the reviewer's credentials.

    Parameters
    ----------
    session
        Names the session in leases; a reviewer made anew with the same name keeps them. Default: a new one.
    """

    def __init__(
        self,
        connection: "Connection",
        stack: "Stack",
        *,
        clock: AwsClock | None = None,
        pace: Pace | None = None,
        session: str | None = None,
    ) -> None:
        self.connection = connection
        self._stack = stack
        self._clock = clock or AwsClock()
        self._pace = pace or Pace()
        dynamodb, self._s3 = connection.dynamodb(), connection.s3()
        self._stepfunctions = connection.stepfunctions()
        self._clock.follow(dynamodb)
        self._clock.follow(self._s3)
        self._queue = ReviewQueue(dynamodb, stack.claims_table, self._clock, session)
        self._claims = DecisionTable(dynamodb, stack.claims_table)

    @cached_property
    def by(self) -> str:
        """The ARN of these credentials, asked once."""
        return self.connection.sts().get_caller_identity()["Arn"]

    @property
    def labels(self) -> tuple[str, ...]:
        """What a decision may say, the classes first."""
        return (*self._stack.labels, NEITHER, CANNOT_TELL)

    def waiting(self) -> Iterator[ReviewImage]:
        """Yield the images that wait and that no other reviewer holds, oldest first."""
        return self._queue.waiting()

    def count(self, at_most: int = 10_000) -> QueueLength:
        """Count the images that wait."""
        return self._queue.count(at_most)

    def take(self, images: int = 1, leave: Sequence[ReviewImage] = ()) -> list[ReviewImage]:
        """
        Lease the oldest images that wait.

        Parameters
        ----------
        leave
            Images to pass over: those shown already, and those that the reviewer skipped.
        """
        left = {(image.key, image.etag) for image in leave}
        taken: list[ReviewImage] = []
        queue = (image for image in self._queue.waiting(_SPREAD) if (image.key, image.etag) not in left)
        while len(taken) < images and (head := list(islice(queue, max(images, _SPREAD)))):
            while head and len(taken) < images:
                image = head.pop(0)
                if self._queue.lease(image, self.by):
                    taken.append(image)
                else:  # others read the same queue: not all of them should ask for the next one
                    random.shuffle(head)
        return taken

    def renew(self, image: ReviewImage) -> None:
        """
        Hold an image for another ten minutes.

        Raises
        ------
        ReviewError
            When it cannot be held: another reviewer decided, or has it now.
        """
        if self._queue.lease(image, self.by):
            return
        claim = self._claims.read(image)
        if claim.is_in("person"):
            message = f"the lease of {image.key} ended, and another reviewer has it now: take the next image"
            raise LeaseLostError(message)
        raise lost(image, claim)

    def release(self, image: ReviewImage) -> None:
        """Let others have an image."""
        self._queue.release(image)

    def open(self, image: ReviewImage) -> bytes:
        """
        Read the bytes to decide about: those that were classified.

        Raises
        ------
        ImageGoneError
            When it was deleted, has expired or was replaced: `decide(image, "gone")` takes it out of the queue.
        """
        return read_image(self._s3, self._stack.image_bucket, image)

    def burst_of(
        self,
        image: ReviewImage,
        jpeg_of: Callable[[bytes], bytes | None],
        held: Sequence[ReviewImage] = (),
    ) -> list[ReviewImage]:
        """
        Lease the images that look like one and arrived with it; each is to be decided about, or released.

        Images of the audit are not among them, and have none themselves: each is looked at by itself.

        Parameters
        ----------
        jpeg_of
            Make a JPEG of an image outside this process; None where it cannot be shown.
        held
            Images of this session that may belong to the burst: nobody else is given them.

        Raises
        ------
        SconesError
            When the package that compares pictures is not installed.
        """
        if not self._queue.lease(image, self.by, for_burst=True):
            return []

        def jpeg(one: ReviewImage) -> bytes | None:
            try:
                return jpeg_of(self.open(one))
            except ImageGoneError:
                return None

        def arrived(one: ReviewImage) -> str:
            return one.arrived

        queue = heapq.merge(sorted(held, key=arrived), self._queue.waiting(_SPREAD), key=arrived)
        return [
            one for one in burst_of(image, queue, jpeg) if self._queue.lease(one, self.by, for_burst=True)
        ]

    def image(self, key: str, etag: str) -> ReviewImage:
        """
        Return an image that passed, or was decided, for a correction.

        Raises
        ------
        NotWaitingError
            When there is nothing to correct: it has no outcome, or was rejected, or failed.
        """
        asked = ReviewImage(key, etag)
        claim = self._claims.read(asked)
        if not claim.finished_at:
            message = f"{key} has no outcome: nothing to correct"
            raise NotWaitingError(message)
        waits = claim.is_in("person") and not claim.decision
        image = ReviewImage(key, etag, claim.version_id, claim.size, waits=waits)
        if image.waits or claim.decision:
            return image
        if claim.entries and claim.entries[-1].label == GONE:
            message = (
                f"{key} was deleted or replaced before a person decided: to have it decided, upload it again"
            )
            raise NotWaitingError(message)
        claim = self._claims.read(asked, with_verdict=True)
        if claim.verdict.outcome != Outcome.PASSED or claim.state_shard:
            message = f"{key} has the outcome {claim.verdict.outcome}: people correct only what passed"
            raise NotWaitingError(message)
        return replace(image, passed_at=claim.finished_at)

    def decision_about(self, image: ReviewImage) -> Decision | None:
        """
        Return the decision that stands, for a correction; None where nobody has decided.

        Raises
        ------
        NotRecordedYetError
            When it is being taken back.
        """
        claim = self._claims.read(image)
        entry = next((one for one in claim.entries if one.id == claim.decision), None)
        if entry is None:
            return None
        if entry.label == UNDONE:
            raise undo_not_recorded(image)
        return Decision(image, entry.id, entry.label, entry.by, entry.at, entry.took_ms, entry.replaces)

    def decide(self, image: ReviewImage, label: str, took_ms: int = 0) -> Decided:
        """
        Decide about an image that waits, or correct one that passed.

        Parameters
        ----------
        label
            One of `labels`, or `gone` where the bytes are.

        Raises
        ------
        ReviewError
            When nothing was written, or it is not known whether it was (`DecisionUnknownError`).
        """
        return self._decide(image, label, took_ms, None)

    def correct(self, replaced: Decision, label: str, took_ms: int = 0) -> Decided:
        """
        Replace a decision by another, which waits for the first to be recorded.

        Raises
        ------
        ReviewError
            As of `decide`; `NotRecordedYetError` when "Record decision" is not through with the first one.
        """
        self._require_recorded(replaced)
        return self._decide(replaced.image, label, took_ms, replaced.id)

    def undo(self, replaced: Decision) -> Decided:
        """
        Take a decision back: an image that waited waits again, one that passed has passed.

        Raises
        ------
        ReviewError
            As of `correct`.
        """
        self._require_recorded(replaced)
        return self.write(self._new(replaced.image, UNDONE, 0, replaced.id))

    def withheld_s(self, decision: Decision) -> float:
        """Return for how many seconds nobody is told what the model said: the decision may be taken back as a slip."""
        if not (decision.image.waits or decision.replaces):
            return 0.0  # a correction of what passed, whose verdict was no secret
        shown_at = datetime.fromisoformat(decision.at) + SHOWN_AFTER
        return max(0.0, shown_at.timestamp() - self._clock.now())

    def model_said(self, decision: Decision) -> Verdict:
        """Return the model's verdict about an image: to be shown when it is not withheld any more."""
        return self._claims.read(decision.image, with_verdict=True).model_said(decision.id)

    def write(self, decision: Decision) -> Decided:
        """
        Write a decision, and start "Record decision"; writing the same one again changes nothing.

        Raises
        ------
        ReviewError
            As of `decide`.
        """
        if self._claims.write(decision):
            return Decided(decision)
        return Decided(decision, self._record(decision))

    def _record(self, decision: Decision) -> str | None:
        """Start "Record decision"; return why it could not be started, which the sweep makes up for."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

        image = decision.image
        try:
            with named_permissions():
                self._stepfunctions.start_execution(
                    stateMachineArn=self._stack.record_decision_arn,
                    name=decision.id,  # CloudTrail has it beside the caller
                    input=json.dumps({"image_key": image.key, "etag": image.etag}),
                )
        except NotAllowedError as error:
            return error.message
        except (BotoCoreError, ClientError) as error:
            return explain(error)
        return None

    def _decide(self, image: ReviewImage, label: str, took_ms: int, replaces: str | None) -> Decided:
        if label not in (*self.labels, *([GONE] if image.waits else [])):
            message = f"{label} is not a label of this stack: it has {', '.join(self.labels)}"
            raise ReviewError(message)
        if label != GONE:
            asked = replace(image, waits=False) if replaces else image
            require_image(self._s3, self._stack.image_bucket, asked)
        return self.write(self._new(image, label, took_ms, replaces))

    def _new(self, image: ReviewImage, label: str, took_ms: int, replaces: str | None) -> Decision:
        return Decision(
            image, secrets.token_hex(16), label, self.by, self._clock.now_text(), max(0, took_ms), replaces
        )

    def _require_recorded(self, decision: Decision) -> None:
        began, again = self._pace.clock(), False
        while (claim := self._claims.read(decision.image)).is_in("record") and claim.decision == decision.id:
            waited_s = self._pace.clock() - began
            if waited_s > RECORDED_S:
                message = "the decision is still being recorded: undo or correct it in a few minutes"
                raise NotRecordedYetError(message)
            if waited_s > RECORDED_S / 3 and not again:  # it may never have been started
                again = True
                self._record(decision)
            self._pace.sleep(self._pace.steady_s)
        if claim.is_second_look(decision.id):
            message = (
                f"what you said about {decision.image.key} is kept beside an earlier decision, and stays"
            )
            raise NotWaitingError(message)
        if claim.decision != decision.id:
            raise lost(decision.image, claim)
