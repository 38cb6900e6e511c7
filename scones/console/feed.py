"""The stream of the Live page: what has an outcome since, and what dropped images do, while somebody watches."""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from anyio.to_thread import run_sync

from scones.blinding import without_verdict
from scones.claims import Claim, read_claims
from scones.console.dropped import DroppedImages
from scones.console.gallery import row_of_ended
from scones.console.state import ConsoleState, OpenCloud
from scones.decisions.slips import SHOWN_AFTER
from scones.index import ended

type FeedEvent = tuple[str, Any]
"""A name and what is sent as JSON."""

_LOOK_S: Final = 0.3
_INDEX_S: Final = 0.5
_SHARE: Final = 3.0
"""The index is read again after this many times what reading it took: a slow table must not be read all the time."""
_OVERLAP: Final = SHOWN_AFTER + timedelta(seconds=15)
"""An index is eventually consistent, images are not seen in the order of their ends, and a decision is shown later: so
far back is read again."""
_BEFORE_ALL: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KNOWN: Final = 5_000
_BACKLOG: Final = 500
_HEARTBEAT_S: Final = 15.0
_AFTER_TROUBLE_S: Final = 2.0


class Feed:
    """Asks AWS while at least one page watches, and tells all that watch; used from the event loop.

    Attributes
    ----------
    dropped
        The images that pages have uploaded.
    """

    def __init__(self, state: ConsoleState) -> None:
        self.dropped = DroppedImages()
        self._state = state
        self._watchers: set[asyncio.Queue[FeedEvent | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._news: NewOutcomes | None = None
        self._is_closed = False

    async def watch(self) -> AsyncIterator[str]:
        """Yield server-sent events until the page goes or the console stops."""
        queue: asyncio.Queue[FeedEvent | None] = asyncio.Queue(_BACKLOG)
        self._watchers.add(queue)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())
        try:
            yield sent("hello", {})
            while not self._is_closed:
                try:
                    event = await asyncio.wait_for(queue.get(), _HEARTBEAT_S)
                except TimeoutError:
                    yield ": nothing new\n\n"
                    continue
                if event is None:
                    return
                yield sent(*event)
        finally:
            self._watchers.discard(queue)

    def close(self) -> None:
        """End all streams."""
        self._is_closed = True
        for queue in self._watchers:
            with suppress(asyncio.QueueFull):
                queue.put_nowait(None)
        if self._task:
            self._task.cancel()

    async def _ask(self) -> None:
        # The console ends at once, also while AWS does not answer: no thread is waited for.
        in_trouble = False
        self._news = None  # nobody watched until now: the page itself reads what was before
        while self._watchers and not self._is_closed:
            try:
                events = await run_sync(self._look, abandon_on_cancel=True)
            except Exception as error:  # noqa: BLE001 (said on the page; the stream must outlive it)
                sentence = await run_sync(self._state.trouble, error, abandon_on_cancel=True)
                self._tell([("trouble", {"sentence": sentence})])
                in_trouble = True
                await asyncio.sleep(_AFTER_TROUBLE_S)
                continue
            if in_trouble:
                events.insert(0, ("recovered", {}))
                in_trouble = False
            self._tell(events)
            await asyncio.sleep(_LOOK_S if len(self.dropped) else _INDEX_S)

    def _look(self) -> list[FeedEvent]:
        """Ask AWS once; runs in a thread."""
        cloud = self._state.cloud()
        events: list[FeedEvent] = [("dropped", one) for one in self.dropped.look(cloud)]
        if self._news is None:
            self._news = NewOutcomes()
        events += [("row", row) for row in self._news.look(cloud)]
        return events

    def _tell(self, events: list[FeedEvent]) -> None:
        for queue in list(self._watchers):
            for event in events:
                try:
                    queue.put_nowait(event)
                except asyncio.QueueFull:  # a page in the background that reads nothing: it starts anew
                    while not queue.empty():
                        queue.get_nowait()
                    queue.put_nowait(("behind", {}))
                    break


class NewOutcomes:
    """The images that have an outcome since the last look, each once.

    It goes by the times in the table alone: this machine's clock may be an hour off.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._known: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._next_at = 0.0

    def look(self, cloud: OpenCloud) -> Iterator[Mapping[str, Any]]:
        """Yield rows, the oldest first; nothing before it is time to ask again."""
        started = time.monotonic()
        if started < self._next_at:
            return
        most = (
            _BACKLOG if self._since else 1
        )  # the first look is where to start; the page itself reads what was before
        reading = ended(cloud.dynamodb, cloud.stack.claims_table, since=self._since, wanted=most)
        with closing(iter(reading)) as newest_first:
            found = list(islice(newest_first, most))
        new = {
            (one.image_key, one.etag, one.finished_at): one
            for one in reversed(found)
            if (one.image_key, one.etag, one.finished_at) not in self._known
        }
        names = [(one.image_key, one.etag) for one in new.values()]
        claims = read_claims(cloud.dynamodb, cloud.stack.claims_table, names)
        # A row is sent once: that of a decision which may be taken back is sent when its verdict is shown.
        new = {name: one for name, one in new.items() if not claims.get(name[:2], Claim()).just_decided}
        rows = [
            without_verdict(one) if claims.get(name[:2], Claim(outcome=one.outcome)).hides_verdict else one
            for name, one in new.items()
        ]
        self._next_at = time.monotonic() + max(_INDEX_S, _SHARE * (time.monotonic() - started))
        self._since = (
            datetime.fromisoformat(found[0].finished_at) - _OVERLAP if found else self._since or _BEFORE_ALL
        )
        self._known |= dict.fromkeys(new)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        yield from (row_of_ended(row, cloud.stack.incoming_prefix) for row in rows)


def sent(name: str, content: object) -> str:
    """Return a server-sent event; JSON has no line breaks."""
    return f"event: {name}\ndata: {json.dumps(content)}\n\n"
