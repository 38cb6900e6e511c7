"""One sitting of a reviewer at a terminal: the next picture is there while the last decision is being written."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from scones.decisions.decision import GONE, UNDONE, Decision, Verdict
from scones.decisions.review_errors import (
    DecisionNotWrittenError,
    ImageGoneError,
    NotAllowedError,
    NotWaitingError,
    ReviewError,
)
from scones.decisions.review_image import ReviewImage
from scones.decisions.reviewer import Decided, Reviewer
from scones.errors import SconesError, explain
from scones.review.keyboard import BURST, OPEN, QUIT, SKIP, UNDO
from scones.review.screen import Compared, Picture, Screen, question
from scones.terminal import comma, shown

_RENEW_S: Final = 240.0
"""How often the lease of the image on the screen is renewed: twice before it ends."""
_LOOK_S: Final = 0.2
"""How often decisions are reported, while no key is pressed."""
_EMPTY_S: Final = 5.0
"""How often an empty queue is looked at again."""
_COUNTED: Final = 1000
"""So many waiting images are counted; beyond, there are "more than" so many."""


@dataclass(slots=True)
class Session:
    """
    Shows one image after the other, and takes keys until the reviewer leaves.

    Attributes
    ----------
    keys
        The label of each key.
    decided
        What was decided and stands, oldest first.
    compared
        Those of which the reviewer was told what the model had said.
    """

    reviewer: Reviewer
    screen: Screen
    keys: Mapping[str, str]
    clock: Callable[[], float] = time.monotonic
    decided: list[Decision] = field(default_factory=list)
    compared: dict[str, Compared] = field(default_factory=dict)
    _held: set[ReviewImage] = field(default_factory=set)
    _seen: list[ReviewImage] = field(default_factory=list)
    _skipped: set[ReviewImage] = field(default_factory=set)
    _back: list[Picture] = field(default_factory=list)
    _again: set[str] = field(default_factory=set)
    _writing: deque[tuple[Picture, str, Future[Decided]]] = field(default_factory=deque)
    _ahead: "Future[Picture | None]" = field(default_factory=Future)
    _left: str = ""
    _empty: str = ""
    _failure: str | None = None

    def run(self) -> None:
        """
        Review until the reviewer leaves; leases are given back, and each decision is written or said not to be.

        Raises
        ------
        ReviewError
            When it cannot continue: a permission is missing, or credentials ended.
        """
        with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writer:
            try:
                self._show_all(reader, writer)
            except Exception:
                self._report(wait=True)
                if not self._failure:  # else the same cause, less what it meant for a decision
                    raise
            finally:
                self._report(wait=True)
                # After the read ahead, which may still lease an image.
                reader.submit(self._release_all).result()
        if self._failure:
            raise ReviewError(self._failure)

    def run_one(self, image: ReviewImage) -> None:
        """
        Show one image that passed or was decided, until a key corrects it or the reviewer leaves.

        Raises
        ------
        ReviewError
            When it cannot be corrected, or the correction was not written.
        """
        if image.waits:
            message = f"{image.key} waits in the queue: `scones review` without KEY shows it"
            raise NotWaitingError(message)
        before = self.reviewer.decision_about(image)
        picture = Picture(image, self.reviewer.open(image), before)
        with ThreadPoolExecutor(1) as writer:
            self._ask(picture, writer)
            written = [future.result() for _, _, future in self._writing]
            self._report(wait=True)
            self._compare()
        if before and written:
            self.screen.say(shown(f"  {before.by} had decided: {before.label}"))

    def _show_all(self, reader: ThreadPoolExecutor, writer: ThreadPoolExecutor) -> None:
        self._ahead = reader.submit(self._next)
        goes_on = True
        while goes_on and not self._failure:
            if self._back:
                goes_on = self._ask(self._back.pop(), writer)
            elif picture := self._ahead.result():
                self._ahead = reader.submit(self._next)
                if picture.image in self._held:  # else it was decided with the burst of the one before
                    goes_on = self._ask(picture, writer)
            else:
                goes_on = self._wait()
                self._ahead = reader.submit(self._next)

    def _next(self) -> Picture | None:
        """Take the oldest image that waits, and read it; those that are gone leave the queue on the way."""
        count = self.reviewer.count(_COUNTED)
        self._left = f"{count.images:,}" if count.is_complete else f"more than {count.images:,}"
        while taken := self.reviewer.take(1, leave=self._seen):
            (image,) = taken
            self._seen.append(image)
            self._held.add(image)
            try:
                return Picture(image, self.reviewer.open(image))
            except ImageGoneError as error:
                self._take_out(Picture(image, b""), error)
        return None

    def _ask(self, picture: Picture, writer: ThreadPoolExecutor) -> bool:
        """Show a picture until a key decides about it; False when the reviewer leaves."""
        self._empty = ""
        address = self.screen.picture(picture.image, picture.content)
        progress = f"{len(self.decided):,} decided, {self._left} left"
        self.screen.say(question(picture, address, self.keys, progress))
        since = renewed = self.clock()
        burst: list[ReviewImage] = []
        while not self._failure:
            key = self.screen.key(_LOOK_S)
            self._report()
            self._compare()
            if key == QUIT:
                return False
            if key == BURST and picture.is_leased and not burst:
                burst = self._burst(picture.image)
            if key == UNDO and self._reopen(picture):
                self._give_back(burst)
                return True
            if self._act(key, (picture, *(Picture(one, b"") for one in burst)), since, writer):
                return True
            if picture.is_leased and self.clock() - renewed > _RENEW_S:
                renewed = self.clock()
                burst = [one for one in burst if self._renew(one)]
                if not self._renew(picture.image):
                    self._give_back(burst)
                    return True
        return False

    def _act(
        self, key: str | None, pictures: Sequence[Picture], since: float, writer: ThreadPoolExecutor
    ) -> bool:
        """Do what a key means for a picture, and those of its burst; True when the next one may come."""
        if label := self.keys.get(key or ""):
            for picture in pictures:
                self._decide(picture, label, int((self.clock() - since) * 1000), writer)
            return True
        if key == SKIP:
            for picture in pictures:
                self._skip(picture, writer)
            return True
        if key == OPEN:
            self.screen.open()
        return False

    def _wait(self) -> bool:
        """Wait for images, or a key; False when the reviewer leaves."""
        empty = (
            f"nothing else waits: you skipped {comma(len(self._skipped), 'image', 'images')}"
            if self._skipped
            else "nothing waits"
        )
        if empty != self._empty:
            self._empty = empty
            self.screen.say(f"{empty}. {UNDO}: the last decision again, {QUIT}: leave")
        until = self.clock() + _EMPTY_S
        while self.clock() < until and not self._failure:
            key = self.screen.key(_LOOK_S)
            self._report()
            self._compare()
            if key == QUIT:
                return False
            if key == UNDO and self._reopen(None):
                return True
        return True

    def _decide(self, picture: Picture, label: str, took_ms: int, writer: ThreadPoolExecutor) -> None:
        self._held.discard(picture.image)
        self._writing.append((picture, label, writer.submit(self._write, picture, label, took_ms)))

    def _write(self, picture: Picture, label: str, took_ms: int) -> Decided:
        if picture.decided and label == UNDONE:
            return self.reviewer.undo(picture.decided)
        if picture.decided:
            return self.reviewer.correct(picture.decided, label, took_ms)
        return self.reviewer.decide(picture.image, label, took_ms)

    def _compare(self) -> None:
        """Say what the model had said of the decisions that cannot be slips any more."""
        for decision in self.decided:
            if decision.id in self.compared or decision.id in self._again:
                continue
            if self.reviewer.withheld_s(decision):
                return
            said = Verdict(None, None, None)
            with suppress(Exception):  # the decision is written, whatever comes of the comparison
                said = self.reviewer.model_said(decision)
            self.compared[decision.id] = compared = Compared(decision, said)
            if said.label is not None:
                self.screen.say(f"{shown(decision.image.key)}: {decision.label}{compared.sentence}")

    def _report(self, *, wait: bool = False) -> None:
        """Say what came of decisions, in their order."""
        while self._writing and (wait or self._writing[0][2].done()):
            picture, label, future = self._writing.popleft()
            name = shown(picture.image.key)
            if picture.decided:
                self._again.discard(picture.decided.id)
            try:
                written = future.result()
            except ImageGoneError as error:
                self._take_out(picture, error)
            except (DecisionNotWrittenError, NotAllowedError) as error:
                self._failure = f"{name}, {label}: {error.message}"
                self.screen.say(self._failure)
            except ReviewError as error:
                self.screen.say(shown(error.message))
            else:
                if picture.decided and picture.decided in self.decided:
                    self.decided.remove(picture.decided)
                    self.compared.pop(picture.decided.id, None)
                if label == UNDONE:
                    self._skipped |= {picture.image} if picture.image.waits else set()
                    self.screen.say(f"{name}: taken back")
                else:
                    self.decided.append(written.decision)
                    self.screen.say(f"{name}: {label}")
                if written.problem:
                    self.screen.say(f"  it is recorded by the next sweep: {written.problem}")

    def _reopen(self, current: Picture | None) -> bool:
        """Put the last decision's image on the screen, and the current one behind it."""
        self._report(wait=True)
        decision = next((one for one in reversed(self.decided) if one.id not in self._again), None)
        if decision is None:
            self.screen.say("nothing was decided in this session")
            return False
        try:
            content = self.reviewer.open(replace(decision.image, waits=False))
        except ImageGoneError as error:
            self.screen.say(f"{shown(error.message)}; the decision stands: {decision.label}")
            return False
        self._again.add(decision.id)
        self._back += [one for one in (current, Picture(decision.image, content, decision)) if one]
        return True

    def _skip(self, picture: Picture, writer: ThreadPoolExecutor) -> None:
        if picture.decided:
            self._decide(picture, UNDONE, 0, writer)
            return
        self._held.discard(picture.image)
        if picture.is_leased:
            self._skipped.add(picture.image)
            self.reviewer.release(picture.image)

    def _give_back(self, burst: Sequence[ReviewImage]) -> None:
        """Let the rest of a burst wait again, for this session too: it was neither decided nor skipped."""
        for image in burst:
            self._held.discard(image)
            self._seen.remove(image)
            self.reviewer.release(image)

    def _burst(self, image: ReviewImage) -> list[ReviewImage]:
        """Hold what looks like an image and arrived with it, for one key to decide about all."""
        self._ahead.result()  # the next picture is held already, and may belong to it
        try:
            others = [one for one in self._held if one != image]
            burst = self.reviewer.burst_of(image, self.screen.jpeg, held=others)
        except SconesError as error:
            self.screen.say(error.message)
            return []
        self._held |= {*burst}
        self._seen += [one for one in burst if one not in self._seen]
        if burst:
            names = ", ".join(shown(one.key.rpartition("/")[2]) for one in burst)
            self.screen.say(f"  the next key decides about {comma(len(burst), 'more', 'more')} too: {names}")
        else:
            self.screen.say("  no other that waits looks like it and arrived with it")
        return burst

    def _renew(self, image: ReviewImage) -> bool:
        try:
            self.reviewer.renew(image)
        except NotAllowedError:
            raise
        except ReviewError as error:
            self._held.discard(image)
            self.screen.say(shown(error.message))
            return False
        return True

    def _take_out(self, picture: Picture, reason: ImageGoneError) -> None:
        image = picture.image
        self.screen.say(shown(reason.message))
        self._held.discard(image)
        if not image.waits or picture.decided:
            return
        with suppress(ReviewError):  # another reviewer found out first
            self.reviewer.decide(image, GONE)

    def _release_all(self) -> None:
        for image in self._held:
            try:
                self.reviewer.release(image)
            except Exception as error:
                if not isinstance(error, ReviewError) and explain(error) is None:
                    raise
                return  # without credentials: the leases end by themselves
