"""The indexes of the claims table: what ended when, the newest first, and what is in a state, the oldest first.

Both spread their items over 16 partitions, so that no index key is hot. A reading asks all of them at once, merges
their answers in order, and counts the read units that AWS charges.
"""

import hashlib
import random
import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from scones.errors import SconesError, error_code
from scones.result_documents import Outcome

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

type Item = Mapping[str, Mapping[str, Any]]
type Position = tuple[str, str, str]
"""Where an item is in an index: its time, its key and its ETag."""

BY_TIME: Final = "by_time"
BY_STATE: Final = "by_state"
BY_DRAW: Final = "by_draw"
SHARDS: Final = 16
_THREADS: Final = 16
_PAGE: Final = 512
_FIRST_PAGE: Final = 8
"""Items asked for first where only some are wanted: at least so many, and four times a shard's even share, so that
one round nearly always suffices."""
_GROWTH: Final = 4
_LARGEST_PAGE: Final = 4096
"""Items asked for at once; DynamoDB ends a page at 1 MB, which is fewer."""
_TRIES: Final = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_THROTTLED: Final = frozenset(
    {"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "Throttling"}
)
_NO_LIMIT: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Ended:
    """An image that has its outcome; `finished_at` is the time as it is in the table, in UTC."""

    image_key: str
    etag: str
    outcome: Outcome
    finished_at: str
    label: str | None = None
    confidence: float | None = None
    model_version: str | None = None
    version_id: str | None = None
    size: int | None = None
    reason: str | None = None

    @classmethod
    def of_item(cls, item: Item) -> Self:
        """Read an item of `by_time`."""
        confidence, size = _text(item, "confidence"), _text(item, "size")
        return cls(
            image_key=item["image_key"]["S"],
            etag=item["etag"]["S"],
            outcome=Outcome(item["outcome_shard"]["S"].partition("#")[0]),
            finished_at=item["finished_at"]["S"],
            label=_text(item, "label"),
            confidence=None if confidence is None else float(confidence),
            model_version=_text(item, "model_version"),
            version_id=_text(item, "version_id"),
            size=None if size is None else int(size),
            reason=_text(item, "reason"),
        )

    @property
    def position(self) -> Position:
        """Where it is in the index; a later reading continues after it."""
        return self.finished_at, self.image_key, self.etag


@dataclass(frozen=True, slots=True)
class InState:
    """An image in a state: which one, since when, and which execution has it. It holds no verdict of the model."""

    image_key: str
    etag: str
    since: str
    execution: str | None = None
    version_id: str | None = None
    size: int | None = None
    lease_until: int = 0

    @classmethod
    def of_item(cls, item: Item) -> Self:
        """Read an item of `by_state`."""
        size = _text(item, "size")
        return cls(
            image_key=item["image_key"]["S"],
            etag=item["etag"]["S"],
            since=item["state_since"]["S"],
            execution=_text(item, "execution"),
            version_id=_text(item, "version_id"),
            size=None if size is None else int(size),
            lease_until=int(float(_text(item, "lease_until") or 0)),
        )

    @property
    def position(self) -> Position:
        """Where it is in the index; a later reading continues after it."""
        return self.since, self.image_key, self.etag


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions on what is read: DynamoDB leaves the other items out of its answer, but charges for them."""

    expression: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(slots=True)
class _Partition:
    """One partition, and how far it is read."""

    value: str
    page: int
    start: Mapping[str, Any] | None = None
    reached: str | None = None
    is_read: bool = False


@dataclass(slots=True)
class Reading[T]:
    """
    Partitions of an index, merged; iterate over it once.

    Attributes
    ----------
    on_page
        Called whenever the next three have changed.
    units
        Read units charged so far: half a unit for each 4 KB of items that a page has read, rounded up.
    items
        Items read so far, with those that a condition left out.
    reached
        The time up to which everything was read: to continue, start there. None before that is known.
    is_complete, is_cut_short
        Whether everything was read, and whether the budget ended it before; neither, where the caller did.
    """

    client: "DynamoDBClient"
    table: str
    index: str
    partitions: Sequence[str]
    parse: Callable[[Item], T]
    newest_first: bool
    low: str | None = None
    high: str | None = None
    after: Position | None = None
    where: Where = Where()
    fields: Sequence[str] = ()
    wanted: int = 0
    budget: float = _NO_LIMIT
    sleep: Callable[[float], None] = time.sleep
    on_page: Callable[[], None] = lambda: None
    units: float = 0.0
    items: int = 0
    reached: str | None = None
    is_complete: bool = False
    is_cut_short: bool = False

    def __iter__(self) -> Generator[T]:
        """Yield what is wanted in order; closing it leaves requests without an answer alone."""
        if self.low is not None and self.high is not None and self.low > self.high:
            self.is_complete = True
            return
        page = max(_FIRST_PAGE, 4 * self.wanted // SHARDS) if self.wanted else _PAGE
        unread = [_Partition(value, page) for value in self.partitions]
        found: list[tuple[Position, T]] = []
        with _threads() as pool:
            while unread:
                if self.units >= self.budget:
                    self.is_cut_short = True
                    return
                asked = self._next(unread)
                for partition, answer in zip(asked, pool.map(self._ask, asked), strict=True):
                    self._take(partition, answer)
                    found += [(self._position(item), self.parse(item)) for item in answer["Items"]]
                unread = [one for one in unread if not one.is_read]
                found.sort(key=lambda one: one[0], reverse=self.newest_first)
                self.reached = self._reached(unread)
                self.on_page()
                # What has the very time up to which all was read may have others of the same time before it.
                ready = self._before(found, self.reached) if unread else len(found)
                yield from (one for position, one in found[:ready] if self._is_after(position))
                del found[:ready]
        self.is_complete = True

    def _next(self, unread: Sequence[_Partition]) -> Sequence[_Partition]:
        """Return the partitions that hold up the order: those not read yet, else those read least far."""
        fresh = [one for one in unread if one.reached is None]
        if fresh:
            return fresh
        ordered = sorted(unread, key=lambda one: one.reached or "", reverse=self.newest_first)
        return ordered[:_THREADS]

    def _ask(self, partition: _Partition) -> Mapping[str, Any]:
        return query(self.client, self._request(partition), self.sleep)

    def _take(self, partition: _Partition, answer: Mapping[str, Any]) -> None:
        """Note how far a partition is read, and what that cost."""
        self.units += answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
        self.items += answer["ScannedCount"]
        partition.start = answer.get("LastEvaluatedKey")
        partition.is_read = partition.start is None
        if partition.start is not None:
            partition.reached = partition.start[_RANGES[self.index]]["S"]
        partition.page = min(partition.page * _GROWTH, _LARGEST_PAGE)

    def _request(self, partition: _Partition) -> dict[str, Any]:
        names = {"#hash": _HASHES[self.index]} | dict(self.where.names)
        values: dict[str, Any] = {":hash": {"S": partition.value}} | dict(self.where.values)
        low, high = self._bounds()
        condition = "#hash = :hash"
        if low is not None or high is not None:
            names["#range"] = _RANGES[self.index]
            values |= {name: {"S": text} for name, text in ((":low", low), (":high", high)) if text}
        match low, high:
            case None, None:
                pass
            case _, None:
                condition += " AND #range >= :low"
            case None, _:
                condition += " AND #range <= :high"
            case _:
                condition += " AND #range BETWEEN :low AND :high"
        request: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": self.index,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not self.newest_first,
            "Limit": partition.page,
            "ReturnConsumedCapacity": "TOTAL",
        }
        if self.where.expression:
            request["FilterExpression"] = self.where.expression
        if self.fields:
            names |= {f"#f{number}": name for number, name in enumerate(self.fields)}
            request["ProjectionExpression"] = ", ".join(f"#f{number}" for number in range(len(self.fields)))
            request["Select"] = "SPECIFIC_ATTRIBUTES"  # as policies on attributes require it
        if partition.start is not None:
            request["ExclusiveStartKey"] = partition.start
        return request | {"ExpressionAttributeNames": names}

    def _bounds(self) -> tuple[str | None, str | None]:
        """Return the first and the last time to read, both included."""
        if self.after is None:
            return self.low, self.high
        moment = self.after[0]
        if self.newest_first:
            return self.low, moment if self.high is None else min(self.high, moment)
        return moment if self.low is None else max(self.low, moment), self.high

    def _position(self, item: Item) -> Position:
        return item[_RANGES[self.index]]["S"], item["image_key"]["S"], item["etag"]["S"]

    def _is_after(self, position: Position) -> bool:
        if self.after is None:
            return True
        return position < self.after if self.newest_first else position > self.after

    def _reached(self, unread: Sequence[_Partition]) -> str | None:
        if not unread:
            return self.reached
        reached = [one.reached or "" for one in unread]
        return max(reached) if self.newest_first else min(reached)

    def _before(self, found: Sequence[tuple[Position, T]], moment: str | None) -> int:
        """Return how many of the found come before a time."""
        if moment is None:
            return 0
        if self.newest_first:
            return bisect_left(found, True, key=lambda one: one[0][0] <= moment)  # noqa: FBT003 (sorted)
        return bisect_left(found, True, key=lambda one: one[0][0] >= moment)  # noqa: FBT003 (sorted)


_HASHES: Final[Mapping[str, str]] = {
    BY_TIME: "outcome_shard",
    BY_STATE: "state_shard",
    BY_DRAW: "draw_shard",
}
_RANGES: Final[Mapping[str, str]] = {BY_TIME: "finished_at", BY_STATE: "state_since", BY_DRAW: "draw_at"}
_KEYS: Final = ("image_key", "etag")
_WITHOUT_VERDICT: Final = (
    *_KEYS,
    "state_shard",
    "state_since",
    "execution",
    "version_id",
    "size",
    "lease_until",
)


def ended(  # noqa: PLR0913 (conditions of one query)
    client: "DynamoDBClient",
    table: str,
    outcomes: Iterable[Outcome] = Outcome,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    where: Where | None = None,
    fields: Sequence[str] | None = None,
    after: Position | None = None,
    wanted: int = 0,
    budget: float = _NO_LIMIT,
) -> Reading[Ended]:
    """
    Read the images that got an outcome between two times, the newest first.

    Parameters
    ----------
    since, until
        The first time that is read, and the first one after those.
    fields
        What is returned beside key, ETag, outcome and time; all if not given. It costs the same.
    after
        The position of an image: only those that come after it, which are older.
    wanted
        How many the caller means to take: so many are asked for first. 0: not known.
    budget
        Read units after which no further page is asked for.
    """
    return Reading(
        client,
        table,
        BY_TIME,
        [f"{outcome}#{shard}" for outcome in outcomes for shard in range(SHARDS)],
        Ended.of_item,
        newest_first=True,
        low=time_text(since) if since else None,
        high=time_text(until - timedelta(milliseconds=1)) if until else None,
        where=where or Where(),
        fields=() if fields is None else (*_KEYS, "outcome_shard", "finished_at", *fields),
        after=after,
        wanted=wanted,
        budget=budget,
    )


def in_state(  # noqa: PLR0913 (conditions of one query)
    client: "DynamoDBClient",
    table: str,
    *states: str,
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
    after: Position | None = None,
    wanted: int = 0,
    budget: float = _NO_LIMIT,
) -> Reading[InState]:
    """
    Read the images in some states, by the time since when; what the model said of them is neither asked nor returned.

    Parameters
    ----------
    states
        `open`: no outcome yet. `person`: waits for a person. `record`: decided, and not recorded yet.
    since, until
        The first time that is read, and the first one after those.
    after
        The position of an image: only those that come after it.
    """
    return Reading(
        client,
        table,
        BY_STATE,
        [f"{state}#{shard}" for state in states for shard in range(SHARDS)],
        InState.of_item,
        newest_first=newest_first,
        low=time_text(since) if since else None,
        high=time_text(until - timedelta(milliseconds=1)) if until else None,
        fields=_WITHOUT_VERDICT,
        after=after,
        wanted=wanted,
        budget=budget,
    )


def in_audit[T](  # noqa: PLR0913 (conditions of one query)
    client: "DynamoDBClient",
    table: str,
    part: str,
    parse: Callable[[Item], T],
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    newest_first: bool = False,
    wanted: int = 0,
) -> Reading[T]:
    """
    Read the images that the audit has drawn between two times, or missed, or that came while audits were off.

    Parameters
    ----------
    part
        `drawn`, `missed` (their draw could not be made), or `off`.
    """
    return Reading(
        client,
        table,
        BY_DRAW,
        [f"{part}#{shard}" for shard in range(SHARDS)],
        parse,
        newest_first=newest_first,
        low=time_text(since) if since else None,
        high=time_text(until - timedelta(milliseconds=1)) if until else None,
        wanted=wanted,
    )


def shard_of(image_key: str, etag: str) -> int:
    """Return the number of an image's partitions: the first hexadecimal digit of a digest, as in the workflow."""
    return int(hashlib.md5((image_key + etag).encode(), usedforsecurity=False).hexdigest()[0], SHARDS)


def time_text(moment: datetime) -> str:
    """Return a time as the table has it: UTC with milliseconds, so that texts sort as times do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def query(
    client: "DynamoDBClient", request: Mapping[str, Any], sleep: Callable[[float], None] = time.sleep
) -> Mapping[str, Any]:
    """
    Ask for one page of an index.

    Raises
    ------
    SconesError
        When the table has no such index, or DynamoDB still builds it.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        return with_retries(lambda: client.query(**request), sleep)
    except ClientError as error:
        if line := _explanation(str(error), request):
            raise SconesError(line) from error
        raise


def with_retries[R](call: Callable[[], R], sleep: Callable[[float], None] = time.sleep) -> R:
    """Call DynamoDB, and again for half a minute where it throttles: a large read or write is worth the wait."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    for attempt in range(1, _TRIES):
        try:
            return call()
        except ClientError as error:
            if error_code(error) not in _THROTTLED:
                raise
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
        sleep(random.uniform(longest / 2, longest))  # noqa: S311 (jitter)
    return call()


def _explanation(said: str, request: Mapping[str, Any]) -> str | None:
    """Return the next step where AWS refuses to read an index; None for other errors."""
    table, index = request["TableName"], request["IndexName"]
    if "does not have the specified index" in said and index == BY_DRAW:
        return f"table {table} has no index {index}: deploy the stack with AuditShare above 0, and wait for images"
    if "does not have the specified index" in said:
        return (
            f"table {table} has no index {index}: the stack is older than this command; "
            "deploy it again, then fill the index with `scones reindex`"
        )
    if "backfilling" in said:
        return f"DynamoDB still builds the index {index} of table {table}: try again in a few minutes"
    return None


@contextmanager
def _threads() -> Generator[ThreadPoolExecutor]:
    """Give threads that are not waited for at the end: a request without an answer must not delay Ctrl-C."""
    pool = ThreadPoolExecutor(_THREADS)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _text(item: Item, name: str) -> str | None:
    value = item.get(name)
    return None if value is None else str(next(iter(value.values())))
