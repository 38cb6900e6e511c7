"""`scones results`: list and filter result documents, the newest first."""

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from itertools import islice
from typing import Any

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.result_documents import Document, Outcome
from scones.result_query import MAX_LISTED, Moment, Query, matching, newest_first
from scones.stack import read_stack
from scones.terminal import Column, confidence_text, notice, outcome_text, print_rows, shown

SHOWN_TO_PEOPLE = 50
"""Results that a person gets without saying how many; machines get all."""
CSV_COLUMNS = (
    "finished_at",
    "image",
    "etag",
    "outcome",
    "label",
    "confidence",
    "threshold",
    "reason",
    "result",
)


@click.command()
@click.option("--outcome", "outcomes", multiple=True, type=click.Choice([str(one) for one in Outcome]))
@click.option("--label", metavar="L", help="Only images the model gave this label.")
@click.option(
    "--since",
    type=Moment(),
    help="Only results since: 30m, 1d or an ISO time (local unless it has an offset).",
)
@click.option("--until", type=Moment(), help="Only results before: as --since.")
@click.option("--below", type=float, metavar="C", help="Only confidence < C.")
@click.option("--above", type=float, metavar="C", help="Only confidence >= C.")
@click.option(
    "--key", metavar="GLOB", help="Only images whose key below incoming/ matches; * crosses folders."
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help=f"The newest N. Default: {SHOWN_TO_PEOPLE} in a table, all with --json and --csv.",
)
@click.option("--all", "everything", is_flag=True, help="All of them, in a table too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list of documents and nothing else.")
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
    limit: int | None,
    everything: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List and filter result documents, the newest first."""
    if as_json and as_csv:
        message = "--json and --csv exclude each other"
        raise click.UsageError(message)
    if everything and limit:
        message = "--all and --limit exclude each other"
        raise click.UsageError(message)
    query = Query(frozenset(map(Outcome, outcomes)), label, since, below, above, key, until)
    if limit is None and not (everything or as_json or as_csv):
        limit = SHOWN_TO_PEOPLE
    connection = connect(target)
    stack = read_stack(connection)
    s3 = connection.s3()
    listed, complete = newest_first(s3, stack, query, MAX_LISTED if limit else None)
    if not complete:
        notice(
            f"more than {MAX_LISTED:,} results under one prefix: narrow it with --outcome, --label or --key, "
            "or take --all"
        )
    with closing(matching(s3, stack, query, listed, limit)) as found:
        if as_json:
            print_json_list({**one.content, "result": one.result_key} for one in islice(found, limit))
        elif as_csv:
            print_csv(islice(found, limit))
        else:
            print_results(list(islice(found, limit)), stack.incoming_prefix)
            if limit and next(found, None):
                notice(f"the newest {limit:,}; there are more: --limit or --all shows them")


def print_results(documents: Sequence[Document], incoming_prefix: str) -> None:
    """Print a row for each document to stdout."""
    if not documents:
        notice("no results match")
        return
    rows = [
        (
            Text(shown(document.image_key.removeprefix(incoming_prefix))),
            _local_time(document),
            outcome_text(document.outcome),
            Text(shown(document.label or "")),
            confidence_text(document.confidence),
            Text(shown(document.reason or "")),
        )
        for document in documents
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


def print_csv(documents: Iterable[Document]) -> None:
    """Write documents to stdout as CSV (RFC 4180); keys and reasons as they are, whatever is in them."""
    writer = csv.writer(sys.stdout)
    writer.writerow(CSV_COLUMNS)
    for one in documents:
        content = one.content
        writer.writerow(
            (
                content.get("finished_at"),
                one.image_key,
                one.image_etag,
                str(one.outcome),
                one.label,
                one.confidence,
                content.get("threshold"),
                content.get("reason"),
                one.result_key,
            )
        )


def _local_time(document: Document) -> str:
    text = str(document.content.get("finished_at") or "")
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return shown(text)
