"""The two Rich consoles, and how names, numbers and outcomes look on them."""

import json
import os
import sys
from decimal import ROUND_FLOOR, Decimal
from io import TextIOWrapper

import click
from rich.console import Console
from rich.text import Text

STYLES = {"passed": "green", "review": "yellow", "rejected": "magenta", "failed": "red"}
_PIPE_WIDTH = 200


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
    return Console(stderr=stderr, width=width, highlight=False, markup=False, emoji=False)


def notice(line: str) -> None:
    """Write one plain line to stderr."""
    err().print(Text(line), soft_wrap=True)


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


def comma(count: int, one: str, many: str) -> str:
    """Return `1 image`, `2 images`, `12,000 images`."""
    return f"{count:,} {one if count == 1 else many}"
