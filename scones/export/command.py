"""`scones export`: write what the images have come to into a file for other tools."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click
from rich.text import Text

from scones.arguments import FilePath
from scones.connection import Target, cloud_options, connect
from scones.errors import INTERRUPTED, SconesError
from scones.export.formats import FORMATS, Export, label_config
from scones.result_documents import Outcome
from scones.result_query import Moment, Query, notice_empty_index, search
from scones.stack import read_stack
from scones.terminal import comma, notice, out, print_json, progress_bars, shown

_NO_LIMIT: Final = float("inf")
_BY_ENDING: Final = {".csv": "csv", ".parquet": "parquet"}


@click.command()
@click.argument("file", type=FilePath(dir_okay=False, path_type=Path), metavar="FILE")
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(FORMATS)),
    help="What to write. Default: by FILE's ending, .csv or .parquet.",
)
@click.option("--outcome", "outcomes", multiple=True, type=click.Choice([str(one) for one in Outcome]))
@click.option("--label", metavar="L", help="Only images with this label.")
@click.option("--since", type=Moment(), help="Only results since: 30m, 1d or an ISO time.")
@click.option("--until", type=Moment(), help="Only results before: as --since.")
@click.option("--below", type=float, metavar="C", help="Only confidence < C.")
@click.option("--above", type=float, metavar="C", help="Only confidence >= C.")
@click.option(
    "--key",
    metavar="GLOB",
    help="Only images whose key matches, with or without incoming/; * crosses folders.",
)
@click.option("--reason", metavar="TEXT", help="Only results whose reason contains this text.")
@click.option("--with-verdict", is_flag=True, help="label-studio: what the model said too, as predictions.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def export(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    file: Path,
    kind: str | None,
    outcomes: tuple[str, ...],
    label: str | None,
    since: datetime | None,
    until: datetime | None,
    below: float | None,
    above: float | None,
    key: str | None,
    reason: str | None,
    with_verdict: bool,
    as_json: bool,
) -> None:
    """Write what the images have come to, the newest first, into FILE.

    csv and parquet have all that the index has, a row for each image. label-studio, coco and fiftyone have one entry
    for each key, with the newest content; the label is a person's where there is one. FILE is there when it is
    complete; a file of that name is replaced.

    Exit code 0: written. 2: usage or connection. 130: Ctrl-C; then nothing is written.
    """
    kind = kind or _BY_ENDING.get(file.suffix.lower())
    if kind is None:
        message = f"what {shown(file.name)} is to be is not clear: name it with --format"
        raise click.UsageError(message)
    query = Query(frozenset(map(Outcome, outcomes)), label, since, below, above, key, until, reason)
    connection = connect(target)
    stack = read_stack(connection)
    searched = search(connection.dynamodb(), stack, query, budget=_NO_LIMIT)
    exported = Export(stack, with_verdict)
    try:
        with (
            draft_of(file) as draft,
            closing(iter(searched)) as images,
            progress_bars(visible=not as_json) as bars,
        ):
            bar = bars.add_task("images", total=None)
            exported.on_progress = lambda written: bars.update(bar, completed=written)
            FORMATS[kind](images, draft, exported)
    except KeyboardInterrupt:
        notice("interrupted: nothing is written")
        click.get_current_context().exit(INTERRUPTED)
    except OSError as error:
        message = f"cannot write {shown(str(file))}: {error.strerror or error}"
        raise SconesError(message) from error
    notice_empty_index(searched, connection, stack)
    units = searched.reading.units
    if as_json:
        print_json(
            {
                "file": str(file),
                "format": kind,
                "images": exported.written,
                "left_out": exported.left_out,
                "read_units": units,
            }
        )
        return
    images_text = comma(exported.written, "image", "images")
    out().print(Text(f"{images_text} to {shown(str(file))} ({units:,.0f} read units)"), soft_wrap=True)
    if exported.left_out:
        notice(f"{exported.left_out:,} left out: deleted, replaced under their key, or without a class")
    if kind == "label-studio":
        notice(f"labelling configuration of the project: {label_config(stack.labels)}")


@contextmanager
def draft_of(file: Path) -> Iterator[Path]:
    """Give a file beside another, which takes its place in the end, or is deleted if anything fails."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        yield draft
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
