"""`scones reindex`: fill the index of a stack that was deployed before it had one, from claims and result documents."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from scones.connection import Connection, Target, cloud_options, connect
from scones.errors import INTERRUPTED, SconesError, error_code
from scones.index import BY_TIME, Item, shard_of, with_retries
from scones.result_documents import Document, Outcome, fetch, result_key
from scones.stack import Stack, read_stack
from scones.terminal import comma, notice, out, print_json, progress_bars

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

SEGMENTS: Final = 8
PER_SECOND: Final = 200
_LONGEST_REASON: Final = 200
_OF_OUTCOME: Final = ("label", "confidence", "model_version", "reason")
_READ: Final = (
    *("image_key", "etag", "execution", "claimed_at", "finished_at", "outcome", "result_key"),
    "decision",
)
_CLOSED_BEFORE: Final = "(attribute_not_exists(outcome_shard) OR attribute_exists(result_key))"
"""Closed by a release before the index; with an entry, where a deploy was rolled back: it is of an earlier outcome."""
_UNFILLED: Final = f"attribute_exists(finished_at) AND {_CLOSED_BEFORE}"


class State(StrEnum):
    """What was done about a claim."""

    INDEXED = "indexed"
    WITHOUT_DOCUMENT = "indexed without a document"
    CHANGED = "changed meanwhile"


@dataclass(slots=True)
class Reindex:
    """A run: what it has looked at and done so far."""

    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    stack: Stack
    dry_run: bool = False
    per_second: float = PER_SECOND
    looked_at: int = 0
    waiting: int = 0
    counts: Counter[State] = field(default_factory=Counter)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _stop: threading.Event = field(default_factory=threading.Event)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _next_at: float = 0.0

    def run(self, on_progress: Callable[[int], None]) -> None:
        """
        Go through the table in segments, all at once, and put what has an outcome into the index.

        Nothing has to be kept for a run to continue after it was stopped: what is in the index is skipped.
        """
        pool = ThreadPoolExecutor(SEGMENTS)
        try:
            under_way = {pool.submit(self._fill, segment) for segment in range(SEGMENTS)}
            while under_way:
                done, under_way = wait(under_way, timeout=0.2, return_when=FIRST_EXCEPTION)
                on_progress(self.looked_at)
                for future in done:
                    future.result()
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)

    def _fill(self, segment: int) -> None:
        for items, looked_at in self._pages(segment):
            for item in items:
                if self._stop.is_set():
                    return
                self._index(item)
            with self._turn:
                self.looked_at += looked_at

    def _pages(self, segment: int) -> Iterator[tuple[Sequence[Item], int]]:
        request: dict[str, Any] = {
            "TableName": self.stack.claims_table,
            "Segment": segment,
            "TotalSegments": SEGMENTS,
            "FilterExpression": _UNFILLED,
            "ProjectionExpression": ", ".join(_READ),
        }
        while not self._stop.is_set():
            answer: Mapping[str, Any] = with_retries(lambda: self.dynamodb.scan(**request), self.sleep)
            yield answer["Items"], answer["ScannedCount"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _index(self, item: Item) -> None:
        text = {name: next(iter(value.values())) for name, value in item.items()}
        stored_as = text.get("result_key") or ""
        document = fetch(self.s3, self.stack.results_bucket, stored_as) if stored_as else None
        state = State.INDEXED if document else State.WITHOUT_DOCUMENT
        if not self.dry_run:
            self._wait_for_turn()
            if not self._write(text, entry_of(text, document)):
                state = State.CHANGED
        with self._turn:
            self.counts[state] += 1
            self.waiting += (
                state is not State.CHANGED and text["outcome"] == Outcome.REVIEW and "decision" not in text
            )

    def _write(self, seen: Mapping[str, str], entry: Mapping[str, Mapping[str, str]]) -> bool:
        """Add the entry to a claim; False where the claim has changed since it was read."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

        removed = [name for name, needless in _needless(seen, entry).items() if needless]
        looked_at = ("execution", "finished_at", "decision")
        known = {name: seen[name] for name in looked_at if name in seen}
        unchanged = [f"#{name} = :seen_{name}" for name in known]
        unchanged += [f"attribute_not_exists({name})" for name in looked_at if name not in known]
        update = "SET " + ", ".join(f"#{name} = :{name}" for name in entry)
        if removed:
            update += " REMOVE " + ", ".join(f"#{name}" for name in removed)
        values = {f":{name}": value for name, value in entry.items()}
        values |= {f":seen_{name}": {"S": value} for name, value in known.items()}
        try:
            with_retries(
                lambda: self.dynamodb.update_item(
                    TableName=self.stack.claims_table,
                    Key={name: {"S": seen[name]} for name in ("image_key", "etag")},
                    UpdateExpression=update,
                    ConditionExpression=" AND ".join([*unchanged, _CLOSED_BEFORE]),
                    ExpressionAttributeNames={f"#{name}": name for name in (*entry, *removed, *known)},
                    ExpressionAttributeValues=values,
                ),
                self.sleep,
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def _wait_for_turn(self) -> None:
        with self._turn:
            now = self.clock()
            turn = max(self._next_at, now)
            self._next_at = turn + 1 / self.per_second
        if turn > now:
            self.sleep(turn - now)


def entry_of(claim: Mapping[str, str], document: Document | None) -> dict[str, dict[str, str]]:
    """
    Return what the index has of an image, as "Close claim" writes it today.

    Without a document, because it has expired, the label of a passed image is the folder that its result was in.
    """
    outcome, shard = claim["outcome"], shard_of(claim["image_key"], claim["etag"])
    entry: dict[str, str | None] = {"outcome_shard": f"{outcome}#{shard}"}
    if document:
        endpoint = document.content.get("endpoint") or {}
        entry |= {
            "label": document.label,
            "model_version": endpoint.get("model_version"),
            "reason": document.reason and document.reason[:_LONGEST_REASON],
        }
    elif outcome == Outcome.PASSED:
        entry["label"] = claim.get("result_key", "/").split("/")[1]
    if outcome == Outcome.REVIEW and "decision" not in claim:
        started_at = document.content.get("started_at") if document else None
        entry |= {
            "state_shard": f"person#{shard}",
            "state_since": started_at or claim.get("claimed_at") or claim["finished_at"],
        }
    texts = {name: {"S": value} for name, value in entry.items() if value}
    if document and document.confidence is not None:
        return texts | {"confidence": {"N": str(document.confidence)}}
    return texts


def _needless(claim: Mapping[str, str], entry: Mapping[str, Mapping[str, str]]) -> dict[str, bool]:
    """Tell which attributes of an older release, or of an earlier outcome, a claim does not need any more."""
    label = entry.get("label", {}).get("S")
    derived = result_key(claim["outcome"], label, claim["image_key"], claim["etag"])
    return {
        "result_key": claim.get("result_key") == derived,
        "expires_at": claim["outcome"] == Outcome.REVIEW,  # it waits for a person, and must not disappear
        **{name: "reason" in entry and name not in entry for name in _OF_OUTCOME},  # as its document says
    }


@click.command()
@click.option("--dry-run", is_flag=True, help="Count what would be written, and write nothing.")
@click.option(
    "--per-second",
    type=click.IntRange(min=1),
    default=PER_SECOND,
    show_default=True,
    metavar="N",
    help="Claims written in a second at most.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def reindex(target: Target, *, dry_run: bool, per_second: int, as_json: bool) -> None:
    """Fill the index that `scones results`, `status` and `review` read, after a stack got it in a deploy.

    New images enter the index when they get their outcome; this command adds those that had it before. Images that
    wait for a person enter the queue of `scones review`. Repeat it at any time: what is in the index is skipped, and
    after Ctrl-C the same command continues. Run it once the deploy is over, and again when the executions that began
    before have ended: they close claims as the older version did.

    Exit code 0: all are in the index. 2: usage or connection. 130: Ctrl-C.
    """
    connection = connect(target)
    stack = read_stack(connection)
    run = Reindex(connection.dynamodb(), connection.s3(), stack, dry_run, per_second)
    total = require_index(connection, stack)
    stopped = False
    try:
        with progress_bars(visible=not as_json) as bars:
            bar = bars.add_task("claims", total=total)
            run.run(lambda looked_at: bars.update(bar, completed=looked_at))
    except KeyboardInterrupt:
        stopped = True
    if as_json:
        print_json(as_document(run, complete=not stopped))
    else:
        print_run(run)
    if stopped:
        notice("interrupted: what is in the index stays; the same command continues")
        click.get_current_context().exit(INTERRUPTED)


def require_index(connection: Connection, stack: Stack) -> int:
    """
    Return about how many claims there are.

    Raises
    ------
    SconesError
        When the table has no index to fill.
    """
    table = connection.dynamodb().describe_table(TableName=stack.claims_table)["Table"]
    if BY_TIME not in {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", [])}:
        message = (
            f"table {stack.claims_table} has no index {BY_TIME}: deploy the stack again, then repeat this"
        )
        raise SconesError(message)
    return table.get("ItemCount", 0)


def as_document(run: Reindex, *, complete: bool) -> dict[str, Any]:
    """Return what `scones reindex --json` prints."""
    return {
        "dry_run": run.dry_run,
        "complete": complete,
        "looked_at": run.looked_at,
        "indexed": run.counts[State.INDEXED] + run.counts[State.WITHOUT_DOCUMENT],
        "without_document": run.counts[State.WITHOUT_DOCUMENT],
        "changed": run.counts[State.CHANGED],
        "waiting_for_a_person": run.waiting,
    }


def print_run(run: Reindex) -> None:
    """Print one line of counts, and one about what is less than complete."""
    indexed = run.counts[State.INDEXED] + run.counts[State.WITHOUT_DOCUMENT]
    verb = "would be put" if run.dry_run else "put"
    said = f"{comma(run.looked_at, 'claim', 'claims')} looked at: {indexed:,} {verb} into the index"
    if run.waiting:
        said += f", of which {run.waiting:,} wait for a person"
    out().print(Text(said), soft_wrap=True)
    if without := run.counts[State.WITHOUT_DOCUMENT]:
        notice(f"{without:,} of them without confidence and reason: their result documents are gone")
    if changed := run.counts[State.CHANGED]:
        notice(f"{changed:,} got another outcome meanwhile: the workflow puts those into the index")
