"""One redrive: keeps up to a hundred images under way, and has a message deleted once its image has its end."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from scones.claims import Claim, read_claims
from scones.pace import Pace
from scones.redrive.executions import Watch, begin
from scones.redrive.images import FailedImages, Found, Redriven, RedriveState
from scones.redrive.queue import Message

AT_ONCE = 100
"""Executions under way at once."""
_THREADS = 8


@dataclass(slots=True)
class Redrive:
    """A redrive under way; `images` fills as it goes, so that an interrupted one can still be reported.

    Once an image has had no outcome for `timeout_s` after its start, no further ones are started: what stops it will
    stop them too.
    """

    sources: FailedImages
    watch: Watch
    workflow_arn: str
    limit: int | None = None
    timeout_s: float = 300
    dry_run: bool = False
    pace: Pace = field(default_factory=Pace)
    on_progress: Callable[[int, int], None] = lambda _started, _ended: None
    images: dict[tuple[str, str], Redriven] = field(default_factory=dict)
    is_complete: bool = False
    """Whether everything was looked at, or the limit left something."""

    @property
    def is_fine(self) -> bool:
        """Whether every image has an outcome other than failed, and every message could be read."""
        return all(entry.is_fine for entry in self.images.values()) and not self.sources.unreadable

    def run(self) -> None:
        """Redrive until the sources are empty or the limit is reached, and every image has ended or is overdue."""
        try:
            self._run()
        finally:
            self.sources.queue.give_back()

    def _run(self) -> None:
        batches = self.sources.batches()
        is_open, pause = True, self.pace.first_s
        while True:
            while is_open and len(self.waiting()) < AT_ONCE:
                batch = next(batches, None)
                is_open = batch is not None and self._take(batch)
                self.is_complete = batch is None
                self._report()
            if not (waiting := self.waiting()):
                if is_open:
                    continue
                return
            self.sources.queue.keep()
            ended = self.watch.look(waiting)
            self.sources.queue.delete(self._done_messages(ended))
            self._report()
            if self._overdue():
                is_open = False
            pause = self.pace.steady_s if ended else min(pause * 1.5, self.pace.longest_s)
            if not ended:
                self.pace.sleep(pause)

    def _take(self, batch: Sequence[Found]) -> bool:
        """Begin with the images that are new; False when the limit leaves something for another time."""
        self.sources.queue.keep()
        fresh: dict[tuple[str, str], Redriven] = {}
        for found in batch:
            name = found.image.name
            entry = self.images.get(name) or fresh.setdefault(name, Redriven(found.image, found.had_failed))
            entry.failed_key = entry.failed_key or found.failed_key
            if found.message:
                entry.messages.append(found.message)
        while fresh and (room := self._room(len(fresh))):
            new = {name: fresh.pop(name) for name in list(fresh)[:room]}
            self.images |= new
            self._begin(list(new.values()))
        if not self.dry_run:
            known = [self.images[found.image.name] for found in batch if found.image.name in self.images]
            for entry in known:
                self.watch.remove_failed(entry)
            self.sources.queue.delete(self._done_messages(known))
        return not fresh

    def _room(self, wanted: int) -> int:
        if self.limit is None:
            return wanted
        return self.limit - sum(entry.state is not RedriveState.ALREADY for entry in self.images.values())

    def _begin(self, new: Sequence[Redriven]) -> None:
        claims = read_claims(
            self.watch.dynamodb, self.watch.claims_table, [entry.image.name for entry in new]
        )

        def begin_one(entry: Redriven) -> None:
            claim = claims.get(entry.image.name, Claim())
            begin(self.watch.stepfunctions, self.workflow_arn, entry, claim, dry_run=self.dry_run)
            entry.started_at = self.pace.clock()

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(begin_one, new))

    def _overdue(self) -> list[Redriven]:
        now = self.pace.clock()
        late = [entry for entry in self.waiting() if now - entry.started_at >= self.timeout_s]
        for entry in late:
            entry.state, entry.reason = RedriveState.NOT_ENDED, f"no outcome within {self.timeout_s:g} s"
        return late

    def waiting(self) -> list[Redriven]:
        """Return the images that are under way."""
        return [
            entry
            for entry in self.images.values()
            if entry.state is RedriveState.WAITING and not self.dry_run
        ]

    def _done_messages(self, entries: Sequence[Redriven]) -> list[Message]:
        """Take the messages of images that have an end: each is deleted once."""
        done = [message for entry in entries if entry.is_settled for message in entry.messages]
        for entry in entries:
            entry.messages = [] if entry.is_settled else entry.messages
        return done

    def _report(self) -> None:
        waiting = len(self.waiting())
        self.on_progress(len(self.images), len(self.images) - waiting)
