"""One run of the sweep: page by page until the end of the bucket, of its time, or of what it may start."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import batched

from claims import BATCH, read_claims, read_cursor, write_cursor
from contract import Position, SweepRequest, SweepResponse
from decision import Kind, Limits, by_age
from errors import OF_ONE_IMAGE, SweepFailedError
from image import Image
from listing import Page, read_page
from observability import logger
from rescue import Rescue
from settings import Settings
from tally import Tally

TIME_TO_STOP_MS = 30_000
"""A batch of 100 and the report still have to fit into what is left."""
THREADS = 8


@dataclass(slots=True)
class Run:
    """
    A run under way.

    Attributes
    ----------
    remaining_ms
        Milliseconds that the run still has.
    now
        The moment that all ages are counted to.
    """

    rescue: Rescue
    settings: Settings
    remaining_ms: Callable[[], int]
    now: datetime
    tally: Tally = field(default_factory=Tally)

    def sweep(self, request: SweepRequest) -> SweepResponse:
        """
        Look at the images from the position of the request, else from where the last run stopped.

        Raises
        ------
        SweepFailedError
            When something was to be started or reported, and all of it failed.
        """
        dry_run, minutes = bool(request.get("dry_run")), request.get("older_than_minutes")
        clients, table = self.rescue.clients, self.settings.claims_table
        limits = Limits(
            older_than=timedelta(minutes=self.settings.sweep_minutes if minutes is None else minutes),
            not_older_than=timedelta(days=self.settings.sweep_days),
            attempts=self.settings.sweep_attempts,
        )
        # A person's sweep says where it begins, and a dry one changes nothing: the position is the schedule's.
        scheduled = "start_after" not in request and not dry_run
        position = read_cursor(clients.dynamodb, table) if scheduled else request.get("start_after")
        position, stopped_by = self._pages(position, limits, dry_run=dry_run)
        for image, decision in self.rescue.publish_reports():
            self.tally.add(image, decision.kind, decision.why)
        if scheduled:
            write_cursor(clients.dynamodb, table, position)
        done = self.tally[Kind.STARTED] + self.tally[Kind.REPORTED]
        if self.tally[Kind.ERRORS] and not done:
            first = self.tally.images()[Kind.ERRORS][0]
            raise SweepFailedError(
                f"none of {self.tally[Kind.ERRORS]} images could be handled; {first['key']}: {first['why']}"
            )
        return {
            "dry_run": dry_run,
            "looked_at": self.tally.looked_at,
            "counts": self.tally.counts(),
            "images": self.tally.images(),
            "continue_after": position,
            "stopped_by": stopped_by,
        }

    def _pages(
        self, position: Position | None, limits: Limits, *, dry_run: bool
    ) -> tuple[Position | None, str | None]:
        """Return where the next run has to go on, and why this one stopped there; both None at the end."""
        with ThreadPoolExecutor(THREADS) as pool:
            while True:
                if self.remaining_ms() < TIME_TO_STOP_MS:
                    return position, "time"
                page = read_page(
                    self.rescue.clients.s3,
                    self.settings.image_bucket,
                    self.settings.incoming_prefix,
                    position,
                )
                stopped_by = self._page(pool, page, limits, dry_run=dry_run)
                if stopped_by:  # the same page again: what was started of it is seen to be running
                    return position, stopped_by
                if page.following is None:
                    return None, None
                position = page.following

    def _page(self, pool: ThreadPoolExecutor, page: Page, limits: Limits, *, dry_run: bool) -> str | None:
        old_enough = []
        for image in page.images:
            left = by_age(image, self.now, limits)
            if left is None:
                old_enough.append(image)
            else:
                self.tally.add(image, left.kind, left.why)
        for batch in batched(old_enough, BATCH, strict=False):
            if self.remaining_ms() < TIME_TO_STOP_MS:
                return "time"
            if not self._batch(pool, batch, limits, dry_run=dry_run):
                return "starts"
        return None

    def _batch(
        self, pool: ThreadPoolExecutor, images: Sequence[Image], limits: Limits, *, dry_run: bool
    ) -> bool:
        """Do what is to be done about up to 100 images; False when more had to be started than may be."""
        try:
            claims = read_claims(self.rescue.clients.dynamodb, self.settings.claims_table, images)
        except OF_ONE_IMAGE as error:  # one batch that cannot be read must not end the run
            logger.exception("claims not read")
            for image in images:
                self.tally.add(image, Kind.ERRORS, f"claim not read: {error}")
            return True
        decisions = pool.map(
            lambda image: self.rescue.handle(
                image, claims.get(image.name), self.now, limits, dry_run=dry_run
            ),
            images,
        )
        complete = True
        for image, decision in zip(images, decisions, strict=True):
            if decision is None:
                complete = False
            elif dry_run or decision.kind is not Kind.REPORTED:  # reports are counted once they are out
                self.tally.add(image, decision.kind, decision.why)
        return complete
