"""Rows for people at any width of terminal, and for tools behind a pipe: a name is never folded into a column.

A terminal wide enough gets a table. In a narrower one each row is a line with its name and an indented line with the
rest. A pipe gets a line for each row, its cells apart by tabs, below a line of titles.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import click
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from scones.console import out

_GAP: Final = 3
_INDENT: Final = 2
_LEAST_PROSE: Final = 30
"""Columns that a sentence needs to be readable beside others."""


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
        Their cells must be safe to print, see `scones.console.shown`.
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
