"""`scones results`: list and filter result documents, the newest first."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice

import click
from rich import box
from rich.table import Table
from rich.text import Text

from scones.cloud import Target, cloud_options, connect
from scones.console import confidence_text, notice, out, outcome_text, print_json, shown
from scones.documents import Document, Outcome
from scones.query import MAX_LISTED, Query, Since, matching, newest_first
from scones.stack import read_stack


@click.command()
@click.option("--outcome", "outcomes", multiple=True, type=click.Choice([str(one) for one in Outcome]))
@click.option("--label", metavar="L", help="Only images the model gave this label.")
@click.option("--since", type=Since(), help="Only results written since: 30m, 2h, 1d or an ISO time.")
@click.option("--below", type=float, metavar="C", help="Only confidence < C.")
@click.option("--above", type=float, metavar="C", help="Only confidence >= C.")
@click.option(
    "--key", metavar="GLOB", help="Only images whose key below incoming/ matches; * crosses folders."
)
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON list of documents and nothing else.")
@cloud_options
def results(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    outcomes: tuple[str, ...],
    label: str | None,
    since: datetime | None,
    below: float | None,
    above: float | None,
    key: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """List and filter result documents, the newest first."""
    query = Query(frozenset(map(Outcome, outcomes)), label, since, below, above, key)
    connection = connect(target)
    stack = read_stack(connection)
    s3 = connection.s3()
    listed, complete = newest_first(s3, stack, query)
    if not complete:
        notice(
            f"more than {MAX_LISTED:,} results under one prefix: narrow it with --outcome, --label or --key"
        )
    found = list(islice(matching(s3, stack, query, listed, limit), limit + 1))
    if as_json:
        print_json([{**one.content, "result": one.result_key} for one in found[:limit]])
        return
    print_results(found[:limit], stack.incoming_prefix)
    if len(found) > limit:
        notice(f"the newest {limit}; there are more: raise --limit")


def print_results(documents: Sequence[Document], incoming_prefix: str) -> None:
    """Print a row for each document to stdout."""
    if not documents:
        notice("no results match")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("finished", no_wrap=True)
    table.add_column("image", overflow="fold")
    table.add_column("outcome", no_wrap=True)
    table.add_column("label", no_wrap=True)
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("reason", overflow="fold")
    for document in documents:
        table.add_row(
            _local_time(document),
            Text(shown(document.image_key.removeprefix(incoming_prefix))),
            outcome_text(document.outcome),
            Text(shown(document.label or "")),
            confidence_text(document.confidence),
            Text(shown(document.reason or "")),
        )
    out().print(table)


def _local_time(document: Document) -> str:
    text = str(document.content.get("finished_at") or "")
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return shown(text)
