"""What a command shows a person: two Rich consoles, bars, names, numbers and outcomes, and rows that fit any width."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal
from io import TextIOWrapper
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

UNDER_WAY = " ..."
STYLES = {"passed": "green", "review": "yellow", "reviewed": "cyan", "rejected": "magenta", "failed": "red"}
_PIPE_WIDTH = 200
_GAP: Final = 3
_INDENT: Final = 2
_LEAST_PROSE: Final = 30
"""Columns that a sentence needs to be readable beside others."""


def out() -> Console:
    """Return the console for results, on stdout; a pipe is wide, so that tables stay one line a row."""
    return _console(stderr=False)


def err() -> Console:
    """Return the console for progress and notices, on stderr."""
    return _console(stderr=True)


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")  # a name must not break an ASCII terminal
    width = None if stream.isatty() or "COLUMNS" in os.environ else _PIPE_WIDTH
    # Jupyter and some CI set FORCE_COLOR; Rich would take their pipe for a terminal, and write spinner frames into it.
    terminal = None if stream.isatty() else False
    return Console(
        stderr=stderr, width=width, force_terminal=terminal, highlight=False, markup=False, emoji=False
    )


def can_ask() -> bool:
    """Whether a person sits at stdin."""
    return sys.stdin.isatty()


@contextmanager
def progress_bars(*, visible: bool) -> Iterator[Progress]:
    """Show bars on stderr while something runs, if a person looks at it."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    hidden = not (visible and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        yield progress


def notice(line: str) -> None:
    """Write one plain line to stderr."""
    err().print(Text(line), soft_wrap=True)


@contextmanager
def steps(first: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done: beside a spinner on a terminal, else a line for each step, which ends in dots."""
    console = err()
    if console.is_terminal:
        with console.status(first) as status:
            yield status.update
        return

    def say(step: str) -> None:
        notice(f"{step}{UNDER_WAY}")

    say(first)
    yield say


def print_json(document: object) -> None:
    """Write one JSON document to stdout; ASCII, so that any locale can carry it."""
    click.echo(json.dumps(document, indent=2))


def shown(name: str) -> str:
    """Make a name safe to print: no control characters, no bytes that are not UTF-8."""
    return "".join(c if c.isprintable() else _escaped(c) for c in name)


def _escaped(character: str) -> str:
    raw = character.encode("utf-8", "surrogateescape") if "\udc80" <= character <= "\udcff" else None
    return "".join(f"\\x{byte:02x}" for byte in raw) if raw else ascii(character)[1:-1]


def outcome_text(outcome: str | None) -> Text:
    """Return an outcome in its colour, or a dash where there is none."""
    return Text(outcome, style=STYLES.get(outcome, "")) if outcome else Text("-", style="bold red")


def confidence_text(confidence: float | None) -> str:
    """Cut a confidence to three digits, never rounding it up to a threshold it did not reach."""
    if confidence is None:
        return ""
    return str(Decimal(str(confidence)).quantize(Decimal("0.001"), ROUND_FLOOR))


def local_time(text: str) -> str:
    """Return a time of the index as a person's clock shows it."""
    try:
        return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return shown(text)


def comma(count: int, one: str, many: str) -> str:
    """Return `1 image`, `2 images`, `12,000 images`."""
    return f"{count:,} {one if count == 1 else many}"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    title
        Its head.
    right
        Whether its cells are aligned at the right.
    is_prose
        Whether its cells are sentences, which may go over several lines.
    stacked
        How a cell is said in a narrow terminal, where no head stands above it; `{}` is the cell.
    """

    title: str
    right: bool = False
    is_prose: bool = False
    stacked: str = "{}"


def print_rows(name: Column, columns: Sequence[Column], rows: Sequence[Sequence[Text | str]]) -> None:
    """Print rows to stdout, as wide as there is place.

    Parameters
    ----------
    name
        The column that says what a row is about; the first cell of each row.
    columns
        The others.
    rows
        Their cells must be safe to print, see `scones.terminal.shown`.
    """
    every = (name, *columns)
    cells = [[cell if isinstance(cell, Text) else Text(cell) for cell in row] for row in rows]
    if is_piped():
        for line in ([column.title for column in every], *([cell.plain for cell in row] for row in cells)):
            click.echo("\t".join(line))
        return
    console = out()
    if _fits(every, cells, console.width):
        console.print(_table(every, cells))
    else:
        _print_stacked(console, every, cells)


def is_piped() -> bool:
    """Tell whether stdout goes to another program or a file; COLUMNS says that a person reads it all the same."""
    return not sys.stdout.isatty() and "COLUMNS" not in os.environ


def _fits(columns: Sequence[Column], cells: Sequence[Sequence[Text]], width: int) -> bool:
    needed = _GAP * (len(columns) - 1)
    for number, column in enumerate(columns):
        widest = max([len(column.title), *(row[number].cell_len for row in cells)])
        needed += min(widest, _LEAST_PROSE) if column.is_prose else widest
    return needed <= width


def _table(columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        # Only prose gives way to the width; it breaks between words, or within one that is too long for a line.
        table.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=not column.is_prose,
            overflow="fold",
        )
    for row in cells:
        table.add_row(*row)
    return table


def _print_stacked(console: Console, columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> None:
    for name, *others in cells:
        console.print(name, overflow="fold")
        said = [
            Text.assemble(*_around(column.stacked, cell))
            for column, cell in zip(columns[1:], others, strict=True)
            if cell.plain
        ]
        console.print(Padding(Text("  ").join(said), (0, 0, 0, _INDENT)))


def _around(pattern: str, cell: Text) -> tuple[str, Text, str]:
    before, _, after = pattern.partition("{}")
    return before, cell, after
