"""
One run of the sweep.

A scheduled run lists a part of the bucket, puts images without an outcome into the index, and then handles all images
in the index. A manual run lists the bucket from the requested position to its end and handles it page by page.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import batched

from sweep.claims import BATCH, SHARDS, Claim, enter_index, oldest_open, open_claims, read_claims
from sweep.contract import Position, SweepRequest, SweepResponse
from sweep.cycle import PAGES_PER_RUN, Cursor, read_cursor, write_cursor
from sweep.decision import Decision, Kind, Limits, Tally, by_age, earliest
from sweep.images import Image, Page, read_page
from sweep.observability import logger
from sweep.off import keep_off
from sweep.recording import Decisions, record_again
from sweep.rescue import OF_ONE_IMAGE, Rescue
from sweep.settings import Settings
from sweep.watching import Watched, watch_promise

TIME_TO_STOP_MS = 30_000
"""Time that a batch of 100 images and the report need."""
THREADS = 8


class SweepFailedError(Exception):
    """None of the images to be started or reported could be, or the bucket or the certificate could not be read."""


@dataclass(slots=True)
class Run:
    """
    A run in progress.

    Attributes
    ----------
    remaining_ms
        Returns the milliseconds that the run still has.
    now
        The time at which all ages are computed.
    oldest
        When the oldest image without an outcome that is not given up arrived, or the oldest decision was made that is
        not recorded; set at the end, not in a dry run.
    decisions
        The decisions of people that are not recorded, and the images that wait for one; empty in a dry run.
    cursor
        The state that a scheduled run leaves for the next; None in a manual run.
    watched
        The watch over the promise; empty in a manual run.
    paused
        Whether the stack is paused: images are looked at, and left.
    """

    rescue: Rescue
    settings: Settings
    remaining_ms: Callable[[], int]
    now: datetime
    tally: Tally = field(default_factory=Tally)
    oldest: datetime | None = None
    decisions: Decisions = field(default_factory=Decisions)
    cursor: Cursor | None = None
    watched: Watched = field(default_factory=Watched)
    paused: bool = False

    def sweep(self, request: SweepRequest) -> SweepResponse:
        """
        Handle the images in the index and a part of the bucket, or the bucket from a request's position on.

        Raises
        ------
        SweepFailedError
            When all starts and reports of the run failed, or all starts of "Record decision"; when the bucket could not
            be listed or the promise not be watched, once the images in the index have been handled.
        """
        dry_run, minutes = bool(request.get("dry_run")), request.get("older_than_minutes")
        limits = Limits(
            older_than=timedelta(minutes=self.settings.sweep_minutes if minutes is None else minutes),
            not_older_than=timedelta(days=self.settings.sweep_days),
            attempts=self.settings.sweep_attempts,
            paused=self.paused,
        )
        listing_error = None
        if not dry_run:  # before the images: a run that many of them fill must not leave decisions waiting
            self.decisions = record_again(self.rescue.clients, self.settings, self.now, self._has_time)
        with ThreadPoolExecutor(THREADS) as pool:
            # A manual sweep names its position and a dry run changes nothing: the cursor belongs to the schedule.
            if "start_after" in request or dry_run:
                position, stopped_by = self._bucket(pool, request.get("start_after"), limits, dry_run=dry_run)
            else:
                self._keep_off()
                self.watched = watch_promise(
                    self.rescue.clients,
                    self.settings,
                    self.now,
                    self._has_time,
                    restart=bool(request.get("restart_watch")),
                )
                listing_error, stopped_by = self._schedule(pool, limits)
                position = self.cursor.position if self.cursor else None
        for image, decision in self.rescue.publish_reports():
            self.tally.add(image, decision.kind, decision.why)
        if not dry_run:
            self.oldest = earliest(self._oldest_in_index(limits), self.decisions.oldest)
        self._fail_if_nothing_was_done(listing_error)
        return {
            "dry_run": dry_run,
            "looked_at": self.tally.looked_at,
            "counts": self.tally.counts(),
            "images": self.tally.images(),
            "decisions": self.decisions.counts(),
            "continue_after": position,
            "stopped_by": stopped_by,
        }

    def _keep_off(self) -> None:
        """Keep until when audits were off; an index that is being built cannot be read, and a later run does it."""
        clients, settings = self.rescue.clients, self.settings
        try:
            keep_off(clients.dynamodb, settings.claims_table, settings.audit_share, self.now)
        except OF_ONE_IMAGE:
            logger.exception("not stored until when audits were off")

    def _schedule(self, pool: ThreadPoolExecutor, limits: Limits) -> tuple[str | None, str | None]:
        """Return why the bucket could not be listed, and why the run stopped before the end of the index."""
        clients, table = self.rescue.clients, self.settings.claims_table
        cursor, listing_error = read_cursor(clients.dynamodb, table), None
        if under_way := cursor.begun(self.now):
            try:
                cursor = self._cycle(pool, under_way, limits)
            except (
                OF_ONE_IMAGE
            ) as error:  # images in the index must not wait for a bucket that cannot be listed
                logger.exception("bucket not listed")
                listing_error = f"{type(error).__name__}: {error}"
        cursor, stopped_by = self._index(pool, cursor, limits)
        write_cursor(clients.dynamodb, table, cursor)
        self.cursor = cursor
        return listing_error, stopped_by

    def _cycle(self, pool: ThreadPoolExecutor, cursor: Cursor, limits: Limits) -> Cursor:
        """List the next pages, in at most half of the time, and put their images without an outcome into the index."""
        least_ms = max(TIME_TO_STOP_MS, self.remaining_ms() // 2)
        for _ in range(PAGES_PER_RUN):
            if self.remaining_ms() < least_ms:
                return cursor
            page = self._page(cursor.position)
            for batch in batched(self._old_enough(page.images, limits), BATCH, strict=False):
                missed, unlisted = self._enter(pool, batch)
                cursor = replace(
                    cursor, missed=earliest(cursor.missed, missed), unlisted=cursor.unlisted + unlisted
                )
            if page.following is None:
                return cursor.at_end(self.now)
            cursor = replace(cursor, position=page.following)
        return cursor

    def _page(self, position: Position | None) -> Page:
        settings = self.settings
        return read_page(
            self.rescue.clients.s3,
            settings.image_bucket,
            settings.image_pattern,
            settings.exclude_prefixes,
            position,
        )

    def _enter(self, pool: ThreadPoolExecutor, images: Sequence[Image]) -> tuple[datetime | None, int]:
        """
        Put those of up to 100 images into the index that belong there.

        Returns
        -------
        tuple
            The oldest that failed, and how many have an outcome that is not in the index of outcomes.
        """
        lost, unlisted = [], 0
        for image, claim in self._claimed(images):
            if claim.finished:
                unlisted += not claim.listed
                self.tally.add(image, Kind.FINISHED, "has its outcome")
            elif claim.given_up:
                self.tally.add(image, Kind.EXHAUSTED, "was given up")
            elif not claim.indexed:
                lost.append((image, claim))

        def enter(image: Image, claim: Claim) -> Exception | None:
            try:
                enter_index(self.rescue.clients.dynamodb, self.settings.claims_table, image, claim)
            except OF_ONE_IMAGE as error:
                logger.exception("image not entered", key=image.key)
                return error
            return None

        oldest = None
        for (image, _), error in zip(lost, pool.map(lambda found: enter(*found), lost), strict=True):
            if error is not None:
                self.tally.add(image, Kind.ERRORS, f"not put into the index: {error}")
                oldest = earliest(oldest, image.last_modified)
        return oldest, unlisted

    def _index(self, pool: ThreadPoolExecutor, cursor: Cursor, limits: Limits) -> tuple[Cursor, str | None]:
        """Handle the images in the index, from where the last run was stopped; return what stopped this one."""
        floor, until = self.now - limits.not_older_than, self.now - limits.older_than
        for number in range(SHARDS):
            shard = (cursor.shard + number) % SHARDS
            since = max(floor, cursor.since) if cursor.since and number == 0 else floor
            pages = open_claims(
                self.rescue.clients.dynamodb,
                self.settings.claims_table,
                self.settings.image_bucket,
                shard,
                since,
                max(since, until),
            )
            for batch in (batch for page in pages for batch in batched(page, BATCH, strict=False)):
                stopped_by = None if self._has_time() else "time"
                if not stopped_by and not self._handle(pool, batch, limits, dry_run=False):
                    stopped_by = "starts"
                if stopped_by:
                    return replace(cursor, shard=shard, since=batch[0][0].last_modified), stopped_by
        # Entries before the start of this run are left to the next one: it begins with that shard.
        return replace(cursor, since=None, shard=cursor.shard if cursor.since else 0), None

    def _bucket(
        self, pool: ThreadPoolExecutor, position: Position | None, limits: Limits, *, dry_run: bool
    ) -> tuple[Position | None, str | None]:
        """Return where the next invocation continues, and why this one stopped; both None at the end."""
        while True:
            if not self._has_time():
                return position, "time"
            page = self._page(position)
            # Stopped within a page: repeat the page. Its images that were started are then found running.
            for batch in batched(self._old_enough(page.images, limits), BATCH, strict=False):
                if not self._has_time():
                    return position, "time"
                if not self._handle(pool, self._claimed(batch), limits, dry_run=dry_run):
                    return position, "starts"
            if page.following is None:
                return None, None
            position = page.following

    def _old_enough(self, images: Sequence[Image], limits: Limits) -> list[Image]:
        """Return the images whose claims must be read, and count the others."""
        found = []
        for image in images:
            left = by_age(image, self.now, limits)
            if left is None:
                found.append(image)
            else:
                self.tally.add(image, left.kind, left.why)
        return found

    def _claimed(self, images: Sequence[Image]) -> list[tuple[Image, Claim]]:
        """Return images with their claims; none when the claims cannot be read, which must not end the run."""
        try:
            claims = read_claims(self.rescue.clients.dynamodb, self.settings.claims_table, images)
        except OF_ONE_IMAGE as error:
            logger.exception("claims not read")
            for image in images:
                self.tally.add(image, Kind.ERRORS, f"claim not read: {error}")
            return []
        return [(image, claims.get(image.name, Claim())) for image in images]

    def _handle(
        self, pool: ThreadPoolExecutor, found: Sequence[tuple[Image, Claim]], limits: Limits, *, dry_run: bool
    ) -> bool:
        """Handle up to 100 images; False when the limit of starts was reached."""

        def handle(one: tuple[Image, Claim]) -> Decision | None:
            return self.rescue.handle(*one, self.now, limits, dry_run=dry_run)

        complete = True
        for (image, _), decision in zip(found, pool.map(handle, found), strict=True):
            if decision is None:
                complete = False
            elif dry_run or decision.kind is not Kind.REPORTED:  # reports are counted once they are published
                self.tally.add(image, decision.kind, decision.why)
        return complete

    def _oldest_in_index(self, limits: Limits) -> datetime | None:
        """Return when the oldest image arrived that is in the index or could not be put there."""
        since = self.now - limits.not_older_than
        missed = (self.cursor.missed, self.cursor.missed_before) if self.cursor else ()
        of_shards = (
            oldest_open(self.rescue.clients.dynamodb, self.settings.claims_table, shard, since)
            for shard in range(SHARDS)
        )
        return earliest(self.tally.oldest, *missed, *of_shards)

    def _has_time(self) -> bool:
        return self.remaining_ms() >= TIME_TO_STOP_MS

    def _fail_if_nothing_was_done(self, listing_error: str | None) -> None:
        if listing_error:
            raise SweepFailedError(f"the bucket could not be listed: {listing_error}")
        if self.watched.error:
            raise SweepFailedError(f"the promise could not be watched: {self.watched.error}")
        if self.decisions.errors and not self.decisions.started:
            raise SweepFailedError(
                f"none of {self.decisions.errors} decisions could be recorded; {self.decisions.first_error}"
            )
        done = self.tally[Kind.STARTED] + self.tally[Kind.REPORTED]
        if self.tally[Kind.ERRORS] and not done:
            first = self.tally.images()[Kind.ERRORS][0]
            raise SweepFailedError(
                f"none of {self.tally[Kind.ERRORS]} images could be handled; {first['key']}: {first['why']}"
            )
