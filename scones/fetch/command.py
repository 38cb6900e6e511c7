"""`scones fetch`: copy images into folders by label, each in the version that was classified."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import click
from rich.text import Text

from scones.arguments import FilePath
from scones.connection import Target, cloud_options, connect
from scones.errors import INTERRUPTED, SconesError, explain
from scones.fetch.copies import Copies, Copy
from scones.result_documents import Outcome
from scones.result_query import Moment, Query, documents, notice_empty_index, search
from scones.stack import read_stack
from scones.terminal import Column, comma, notice, out, print_json, print_rows, progress_bars, shown

_FAILED: Final = 1


@click.command()
@click.option(
    "--to",
    "folder",
    required=True,
    type=FilePath(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for the copies; it is made where it is missing.",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    default=["passed"],
    show_default=True,
    type=click.Choice([str(one) for one in Outcome]),
)
@click.option("--label", metavar="L", help="Only images the model gave this label.")
@click.option("--since", type=Moment(), help="Only results written since: 30m, 2h, 1d or an ISO time.")
@click.option("--until", type=Moment(), help="Only results written before: 30m, 2h, 1d or an ISO time.")
@click.option(
    "--key",
    metavar="GLOB",
    help="Only images whose key matches, with or without incoming/; * crosses folders.",
)
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The newest N. Default: all.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def fetch(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    folder: Path,
    outcomes: tuple[str, ...],
    label: str | None,
    since: datetime | None,
    until: datetime | None,
    key: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Copy images into DIR/LABEL; those that did not pass into DIR/OUTCOME, by label where they have one.

    A copy has the bytes that were classified. No file is overwritten: a name that other bytes have gets a part of the
    image's ETag. The same command continues after Ctrl-C, and later fetches what is new.

    Exit code 0: every image has its copy. 1: some have none. 2: usage or connection. 130: Ctrl-C.
    """
    query = Query(frozenset(map(Outcome, outcomes)), label, since, key=key, until=until)
    connection = connect(target)
    stack = read_stack(connection)
    s3 = connection.s3()
    copies: list[Copy] = []
    stopped: BaseException | None = None
    try:
        searched = search(connection.dynamodb(), stack, query, limit, budget=float("inf"))
        with (
            progress_of(visible=not as_json) as on_progress,
            closing(iter(searched)) as images,
            closing(documents(s3, stack, islice(images, limit))) as found,
            Copies(s3, stack.image_bucket, stack.incoming_prefix, folder) as under_way,
        ):
            for copy in under_way.fetch_all(one for one in found if not one.is_gone):
                copies.append(copy)
                on_progress(len(copies))
        notice_empty_index(searched, connection, stack)
    except KeyboardInterrupt as error:
        stopped = error
    except Exception as error:
        if explain(error) is None and not isinstance(error, SconesError):
            raise
        stopped = error
    if as_json:
        print_json(as_document(copies, folder, complete=stopped is None))
    elif copies or stopped is None:
        print_copies(copies, folder)
    finish(copies, stopped)


def print_copies(copies: Sequence[Copy], folder: Path) -> None:
    """Print a row for each image that has no copy, and a line of counts, to stdout."""
    rows = [
        (Text(shown(copy.document.image_key)), str(copy.state), Text(shown(copy.problem or "")))
        for copy in copies
        if not copy.is_fine
    ]
    if rows:
        print_rows(Column("image"), (Column("state"), Column("reason", is_prose=True)), rows)
    counts = ", ".join(f"{count:,} {state}" for state, count in _counts(copies).items())
    images = comma(len(copies), "image", "images")
    out().print(Text(f"{images} to {shown(str(folder))}: {counts or 'none matches'}"), soft_wrap=True)


def finish(copies: Sequence[Copy], stopped: BaseException | None) -> None:
    """Leave with the exit code, and say why when it was cut short."""
    context = click.get_current_context()
    match stopped:
        case KeyboardInterrupt():
            notice("interrupted: the copies stay; the same command continues")
            context.exit(INTERRUPTED)
        case Exception():
            said = explain(stopped) or str(stopped)
            message = f"{said}; the same command continues" if copies else said
            raise SconesError(message) from stopped
    if not all(copy.is_fine for copy in copies):
        context.exit(_FAILED)


def as_document(copies: Sequence[Copy], folder: Path, *, complete: bool) -> dict[str, Any]:
    """Return what `scones fetch --json` prints."""
    return {
        "to": shown(str(folder)),
        "images": [
            {
                "key": copy.document.image_key,
                "etag": copy.document.image_etag,
                "version_id": copy.document.content["image"].get("version_id"),
                "outcome": str(copy.document.outcome),
                "label": copy.document.label,
                "result": copy.document.result_key,
                "state": str(copy.state),
                "path": str(copy.path.relative_to(folder)) if copy.path else None,
                "problem": copy.problem,
            }
            for copy in copies
        ],
        "counts": _counts(copies),
        "complete": complete,
    }


def _counts(copies: Sequence[Copy]) -> dict[str, int]:
    return dict(Counter(str(copy.state) for copy in copies))


@contextmanager
def progress_of(*, visible: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while images are fetched, if a person looks at it."""
    with progress_bars(visible=visible) as progress:
        task = progress.add_task("fetched", total=None)

        def show(done: int) -> None:
            progress.update(task, completed=done)

        yield show
