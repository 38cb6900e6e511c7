"""The desk of the Review page: which images the pages of this console hold, and what they decide about them.

All pages share one reviewing session of `scones.decisions`; what a page holds, another page is not given.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final

from scones.console.page import preview_url
from scones.console.previews import ImageRef, PreviewSize
from scones.console.state import ConsoleState, OpenCloud
from scones.decisions.decision import GONE, UNDONE, Decision
from scones.decisions.review_errors import DecisionNotWrittenError, ImageGoneError, ReviewError
from scones.decisions.review_image import ReviewImage
from scones.decisions.reviewer import Decided, Reviewer
from scones.errors import SconesError

COUNTED: Final = 1000
"""Images counted of the queue: more would cost more than it tells."""
_SILENT_S: Final = 150.0
"""A page that has not asked for so long shows nothing: others may have its images. A page in the background asks at
least once a minute."""
_FORGOTTEN_S: Final = 86_400.0
"""A page that has not asked for so long is gone, with its undo."""
_BACK_S: Final = 8.0
"""For how long an undo waits for the image to be in the queue again."""
_LOOK_S: Final = 0.25


class NotHeldError(ReviewError):
    """The page decides about an image that it does not hold: it is from before the console was restarted."""


@dataclass(slots=True)
class PageHold:
    """What one page of a browser holds and has done.

    Attributes
    ----------
    images
        Those that it shows or is about to, by id.
    skipped
        Those that it does not want to be given again.
    unwritten
        Decisions that may have failed, by the image's id: sent again, they keep their own id and count once. They
        outlast the hold of the image, for the condition of the write decides who was first.
    done
        Its decisions by the image's id, for undo.
    """

    images: dict[str, ReviewImage] = field(default_factory=dict)
    skipped: dict[str, ReviewImage] = field(default_factory=dict)
    unwritten: dict[str, Decision] = field(default_factory=dict)
    done: dict[str, Decision] = field(default_factory=dict)
    seen_at: float = field(default_factory=time.monotonic)


class ReviewDesk:
    """Threads share it."""

    def __init__(self, state: ConsoleState) -> None:
        self._state = state
        self._pages: dict[str, PageHold] = {}
        self._reviewer: tuple[OpenCloud, Reviewer] | None = None
        self._session = secrets.token_hex(16)  # of all reviewers: leases outlast a cloud that is opened again
        self._lock = Lock()
        self._taking = Lock()

    def take(self, page: str, images: int) -> Mapping[str, Any]:
        """Lease images for a page; return what it shows of them, which nothing of the model is."""
        hold, reviewer = self._hold(page), self._open()
        self._free_silent(reviewer)
        with self._taking:  # a lease of this console does not keep it from taking the same image twice
            taken = reviewer.take(images, [*self._held(), *hold.skipped.values()])
            hold.images |= {ref_of(image).id: image for image in taken}
        if self._pages.get(page) is not hold:  # it was closed meanwhile
            for image in taken:
                reviewer.release(image)
        cloud = self._state.cloud()
        return {"images": [shown(image, cloud) for image in taken], "now": cloud.clock.now()}

    def count(self, page: str) -> Mapping[str, Any]:
        """Count what waits; a page that asks is still there."""
        self._hold(page)
        found = self._open().count(COUNTED)
        return {"waiting": found.images, "complete": found.is_complete}

    def decide(self, page: str, image_id: str, label: str, took_ms: int) -> Mapping[str, Any]:
        """
        Write a decision; what the model had said is told by `verdict`, later.

        A page that did not get the answer asks again, and gets it then: the decision is not written twice.

        Raises
        ------
        ReviewError
            When it was not written.
        """
        hold, reviewer = self._hold(page), self._open()
        if image_id not in hold.images and (done := hold.done.get(image_id)) and done.label == label:
            return _answer(reviewer, Decided(done))
        unwritten = hold.unwritten.get(image_id)
        image = unwritten.image if unwritten else _of(hold, image_id)
        if label not in reviewer.labels:  # `gone` is found out here, not said by a page
            message = f"{label} is not a label of this stack: it has {', '.join(reviewer.labels)}"
            raise ReviewError(message)
        try:
            if unwritten and unwritten.label == label:
                decided = reviewer.write(unwritten)
            else:
                decided = reviewer.decide(image, label, took_ms)
        except ImageGoneError:
            return self._take_out(reviewer, hold, image)
        except DecisionNotWrittenError as error:
            hold.unwritten[image_id] = error.decision
            raise
        hold.unwritten.pop(image_id, None)
        hold.images.pop(image_id, None)
        hold.done[image_id] = decided.decision
        return _answer(reviewer, decided)

    def verdict(self, page: str, image_id: str) -> Mapping[str, Any]:
        """
        Say what the model had said of an image that the page decided about, or in how many seconds it may be told.

        Raises
        ------
        ReviewError
            When the page has decided nothing about it, or has taken that back.
        """
        hold, reviewer = self._hold(page), self._open()
        decision = hold.done.get(image_id)
        if decision is None:
            message = "this page has no decision about that image"
            raise ReviewError(message)
        withheld_s = reviewer.withheld_s(decision)
        if withheld_s:
            return {"model": None, "in_s": withheld_s}
        said = reviewer.model_said(decision)
        model = {"label": said.label, "confidence": said.confidence}
        return {"model": model, "agrees": said.label == decision.label}

    def burst(self, page: str, image_id: str) -> Mapping[str, Any]:
        """Hold the images that look like one and arrived with it, so that one decision can be made for all."""
        hold, reviewer = self._hold(page), self._open()
        image = _of(hold, image_id)
        others = [one for one_id, one in hold.images.items() if one_id != image_id]
        try:
            with self._taking:
                alike = reviewer.burst_of(image, self._state.previews.small, others)
        except ReviewError:
            raise
        except SconesError as error:  # a package is missing: nothing that opening the cloud again helps
            raise ReviewError(error.message) from error
        hold.images |= {ref_of(one).id: one for one in alike}
        cloud = self._state.cloud()
        return {"images": [shown(one, cloud) for one in alike]}

    def gone(self, page: str, image_id: str) -> Mapping[str, Any]:
        """Take an image out of the queue if its bytes are gone; nothing where they are there."""
        hold, reviewer = self._hold(page), self._open()
        image = _of(hold, image_id)
        try:
            reviewer.open(image)
        except ImageGoneError:
            return self._take_out(reviewer, hold, image)
        return {"decided": None}

    def skip(self, page: str, image_id: str) -> None:
        """Let others have an image; this page is not given it again."""
        hold, reviewer = self._hold(page), self._open()
        image = hold.skipped[image_id] = _of(hold, image_id)
        del hold.images[image_id]
        reviewer.release(image)

    def release(self, page: str, image_id: str) -> None:
        """Let an image wait again, for this page too: it was held for a burst that is not decided about."""
        hold, reviewer = self._hold(page), self._open()
        image = _of(hold, image_id)
        del hold.images[image_id]
        reviewer.release(image)

    def undo(self, page: str, image_id: str) -> Mapping[str, Any]:
        """Take the page's decision about an image back, and hold the image again if it is in the queue soon.

        Raises
        ------
        ReviewError
            When there is none, or it cannot be taken back.
        """
        hold, reviewer = self._hold(page), self._open()
        undone = hold.done.get(image_id)
        if undone is None:
            message = "this page has no decision to undo"
            raise ReviewError(message)
        reviewer.undo(undone)
        del hold.done[image_id]
        image = undone.image
        until = time.monotonic() + _BACK_S
        while image.waits and time.monotonic() < until:
            try:
                reviewer.renew(image)
            except ReviewError:
                time.sleep(_LOOK_S)
                continue
            hold.images[ref_of(image).id] = image
            return {"image": shown(image, self._state.cloud()), "was": undone.label}
        return {"image": None, "was": undone.label}

    def correct(self, image: ImageRef, label: str, took_ms: int) -> str | None:
        """
        Correct an image that passed or was decided; the label `undone` takes the decision back.

        Returns
        -------
        Why it is the next sweep that records it; None as a rule.

        Raises
        ------
        ReviewError
            When nothing was written.
        """
        reviewer = self._open()
        corrected = reviewer.image(image.key, image.etag)
        if corrected.waits:
            message = "the image waits for a person: decide about it on the Review page"
            raise ReviewError(message)
        before = reviewer.decision_about(corrected)
        if label == UNDONE:
            if before is None:
                message = "nobody has decided about this image: there is nothing to undo"
                raise ReviewError(message)
            return reviewer.undo(before).problem
        if before:
            return reviewer.correct(before, label, took_ms).problem
        return reviewer.decide(corrected, label, took_ms).problem

    def renew(self, page: str) -> Mapping[str, Any]:
        """Hold a page's images for longer; return those that it lost, each with the reason."""
        hold, reviewer = self._hold(page), self._open()
        lost = {}
        for image_id, image in list(hold.images.items()):
            try:
                reviewer.renew(image)
            except ReviewError as error:
                lost[image_id] = error.message
                hold.images.pop(image_id, None)
        return {"lost": lost}

    def leave(self, page: str) -> None:
        """Let others have what a page holds: it was closed."""
        with self._lock:
            hold = self._pages.pop(page, None)
        for image in hold.images.values() if hold else ():
            self._open().release(image)

    def close(self) -> None:
        """Let others have what all pages hold: the console stops."""
        for page in list(self._pages):
            self.leave(page)

    def _take_out(self, reviewer: Reviewer, hold: PageHold, image: ReviewImage) -> Mapping[str, Any]:
        reviewer.decide(image, GONE)
        for of_image in (hold.images, hold.unwritten):
            of_image.pop(ref_of(image).id, None)
        return {
            "decided": GONE,
            "note": "this image was deleted or replaced: it left the queue without a label",
        }

    def _open(self) -> Reviewer:
        cloud = self._state.cloud()
        with self._lock:
            if self._reviewer is None or self._reviewer[0] is not cloud:
                reviewer = Reviewer(cloud.connection, cloud.stack, clock=cloud.clock, session=self._session)
                self._reviewer = cloud, reviewer
            return self._reviewer[1]

    def _hold(self, page: str) -> PageHold:
        now = time.monotonic()
        with self._lock:
            for name in [name for name, hold in self._pages.items() if now - hold.seen_at > _FORGOTTEN_S]:
                del self._pages[name]
            hold = self._pages.setdefault(page, PageHold())
            hold.seen_at = now
            return hold

    def _free_silent(self, reviewer: Reviewer) -> None:
        """Give back what pages hold that were closed without a word: a browser that died, a lid that was closed."""
        now = time.monotonic()
        with self._lock:
            silent = [hold for hold in self._pages.values() if hold.images and now - hold.seen_at > _SILENT_S]
            images = [image for hold in silent for image in hold.images.values()]
            for hold in silent:
                hold.images = {}
        for image in images:
            reviewer.release(image)

    def _held(self) -> Sequence[ReviewImage]:
        with self._lock:
            return [image for hold in self._pages.values() for image in hold.images.values()]


def ref_of(image: ReviewImage) -> ImageRef:
    """Return the version of an image that is decided about, for its preview."""
    return ImageRef(image.key, image.etag, image.version_id)


def shown(image: ReviewImage, cloud: OpenCloud) -> Mapping[str, Any]:
    """Return what the page shows of an image before the decision."""
    ref = ref_of(image)
    return {
        "id": ref.id,
        "name": image.key.removeprefix(cloud.stack.incoming_prefix),
        "arrived": image.arrived,
        "picture": preview_url(ref, PreviewSize.FULL),
    }


def _answer(reviewer: Reviewer, decided: Decided) -> Mapping[str, Any]:
    return {
        "decided": decided.decision.label,
        "verdict_in_s": reviewer.withheld_s(decided.decision),
        "note": decided.problem,
    }


def _of(hold: PageHold, image_id: str) -> ReviewImage:
    try:
        return hold.images[image_id]
    except KeyError:
        message = "this page does not hold that image any more: it continues with the next one"
        raise NotHeldError(message) from None
