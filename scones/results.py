"""`scones results`: list and filter what the images have come to, the newest first."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from scones.blinding import QUEUED, BlindList
from scones.connection import Connection, Target, cloud_options, connect
from scones.index import Ended, InState, Reading, in_state
from scones.result_documents import Outcome, result_key
from scones.result_query import (
    READ_BUDGET,
    Moment,
    Query,
    Search,
    documents,
    notice_empty_index,
    search,
)
from scones.stack import Stack, read_stack
from scones.terminal import (
    Column,
    comma,
    confidence_text,
    err,
    local_time,
    notice,
    outcome_text,
    print_rows,
    shown,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHOWN_TO_PEOPLE = 50
"""Results that a person gets without saying how many; machines get all."""
CSV_COLUMNS = (
    "finished_at",
    "image",
    "etag",
    "outcome",
    "label",
    "confidence",
    "model_version",
    "reason",
    "result",
)
_UNFINISHED: Final = 1


@click.command()
@click.option("--outcome", "outcomes", multiple=True, type=click.Choice([str(one) for one in Outcome]))
@click.option(
    "--label", metavar="L", help="Only images that the model, or of reviewed ones a person, gave this label."
)
@click.option(
    "--since",
    type=Moment(),
    help="Only results since: 30m, 1d or an ISO time (local unless it has an offset).",
)
@click.option("--until", type=Moment(), help="Only results before: as --since.")
@click.option("--below", type=float, metavar="C", help="Only confidence < C.")
@click.option("--above", type=float, metavar="C", help="Only confidence >= C.")
@click.option(
    "--key",
    metavar="GLOB",
    help="Only images whose key matches, with or without incoming/; * crosses folders.",
)
@click.option("--reason", metavar="TEXT", help="Only results whose reason contains this text.")
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"The newest N. Default: {SHOWN_TO_PEOPLE} in a table, all with --json and --csv.",
)
@click.option("--all", "everything", is_flag=True, help="All of them, in a table too.")
@click.option(
    "--read-budget",
    type=click.IntRange(min=1),
    default=READ_BUDGET,
    show_default=True,
    metavar="UNITS",
    help="Read units after which a search by --label, --below, --above, --key or --reason stops.",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON list of whole documents, each fetched from the bucket, and nothing else.",
)
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV with a line of column names and nothing else.")
@cloud_options
def results(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    outcomes: tuple[str, ...],
    label: str | None,
    since: datetime | None,
    until: datetime | None,
    below: float | None,
    above: float | None,
    key: str | None,
    reason: str | None,
    limit: int | None,
    everything: bool,
    read_budget: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List and filter what the images have come to, the newest first.

    Outcome and time are looked up; other conditions are tried on one image after the other, which costs read units
    (8 KB of the index each, $0.125 a million at the list price) and ends when --read-budget is used up.

    The table does not show what the model said of an image that waits for a person; --json and --csv do. With
    --outcome review it has all that waits, audits too, by the time since when it does; in --json and --csv, audits have
    the outcome that they got.

    Exit code 0: all that match. 1: the read budget ended the search before. 2: usage or connection.
    """
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    if everything and limit:
        message = "--all and --limit exclude each other"
        raise click.UsageError(message)
    query = Query(frozenset(map(Outcome, outcomes)), label, since, below, above, key, until, reason)
    if limit is None and not (everything or as_json or as_csv):
        limit = SHOWN_TO_PEOPLE
    connection = connect(target)
    stack = read_stack(connection)
    dynamodb = connection.dynamodb()
    table = BlindList(dynamodb, stack.claims_table, query.outcomes, by_verdict=query.is_by_verdict)
    indexed = None if as_json or as_csv else table.indexed
    searched = search(dynamodb, stack, query, limit and limit + 1, read_budget, indexed)
    with closing(iter(searched)) as found, progress_of(searched.reading, visible=not (as_json or as_csv)):
        if as_json:
            with closing(documents(connection.s3(), stack, islice(found, limit))) as fetched:
                print_json_list({**one.content, "result": one.result_key} for one in fetched)
            more = None
        elif as_csv:
            print_csv(islice(found, limit))
            more = None
        else:
            queue = _queue(dynamodb, stack, query, limit) if table.has_queue else ()
            rows = table.rows_and_queue(found, queue) if queue else table.rows(found)
            rows = (one for one in rows if not _is_after_cut(one, searched.reading))
            images = list(islice(rows, limit))
            more = next(rows, None) if limit else None
    if not (as_json or as_csv):
        print_results(images, stack.incoming_prefix)
        if more:
            notice(f"the newest {limit:,}; there are more: --limit or --all shows them")
        if table.leaves_out:
            notice("without images that wait for a person: being in this list would tell what the model said")
    finish(searched, connection, stack, read_budget)


def _queue(dynamodb: "DynamoDBClient", stack: Stack, query: Query, limit: int | None) -> Iterator[InState]:
    """Yield the images of the queue that a query wants, the newest first."""
    waiting = in_state(
        dynamodb,
        stack.claims_table,
        *QUEUED,
        since=query.since,
        until=query.until,
        newest_first=True,
        wanted=limit or 0,
    )
    return (one for one in waiting if query.wants(one.image_key, stack.incoming_prefix))


def _is_after_cut(one: Ended, reading: Reading[Ended]) -> bool:
    """Tell whether a search that continues where the budget ended shows the image."""
    return reading.is_cut_short and one.finished_at < (reading.reached or "")


@contextmanager
def progress_of(reading: Reading[Any], *, visible: bool) -> Iterator[None]:
    """Show on stderr how far a search is, if a person looks at it, from its second page on."""
    console = err()
    if not (visible and console.is_terminal):
        yield
        return
    status = console.status("")
    pages = 0

    def show() -> None:
        nonlocal pages
        pages += 1
        if pages > 1:
            status.start()
            back_to = f", back to {local_time(reading.reached)}" if reading.reached else ""
            status.update(
                f"{comma(reading.items, 'image', 'images')} read ({reading.units:,.0f} read units){back_to}"
            )

    reading.on_page = show
    try:
        yield
    finally:
        status.stop()


def finish(searched: Search, connection: Connection, stack: Stack, budget: int) -> None:
    """Say why a search may have shown less than there is, and leave with the exit code."""
    reading = searched.reading
    notice_empty_index(searched, connection, stack)
    if reading.is_cut_short:
        moment = datetime.fromisoformat(reading.reached or "").replace(microsecond=0) + timedelta(seconds=1)
        notice(
            f"the read budget of {budget:,} units is used up after {comma(reading.items, 'image', 'images')}: "
            f"continue with --until {moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}, or raise --read-budget"
        )
        click.get_current_context().exit(_UNFINISHED)


def print_results(images: Sequence[Ended], incoming_prefix: str) -> None:
    """Print a row for each image to stdout."""
    if not images:
        notice("no results match")
        return
    rows = [
        (
            Text(shown(image.image_key.removeprefix(incoming_prefix))),
            local_time(image.finished_at),
            outcome_text(image.outcome),
            Text(shown(image.label or "")),
            confidence_text(image.confidence),
            Text(shown(image.reason or "")),
        )
        for image in images
    ]
    columns = (
        Column("finished"),
        Column("outcome"),
        Column("label"),
        Column("confidence", right=True),
        Column("reason", is_prose=True),
    )
    print_rows(Column("image"), columns, rows)


def print_json_list(documents: Iterable[Any]) -> None:
    """Write one JSON list to stdout as its documents come, so that any number takes no more memory than one."""
    separator = "[\n"
    for document in documents:
        click.echo(separator + json.dumps(document, indent=2), nl=False)
        separator = ",\n"
    click.echo("\n]" if separator != "[\n" else "[]")


def print_csv(images: Iterable[Ended]) -> None:
    """Write images to stdout as CSV (RFC 4180); keys and reasons as they are, whatever is in them."""
    writer = csv.writer(sys.stdout)
    writer.writerow(CSV_COLUMNS)
    for one in images:
        writer.writerow(
            (
                one.finished_at,
                one.image_key,
                one.etag,
                str(one.outcome),
                one.label,
                one.confidence,
                one.model_version,
                one.reason,
                result_key(one.outcome, one.label, one.image_key, one.etag),
            )
        )
