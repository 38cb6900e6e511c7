"""The commands that the pages of the project show, as words; tests of both environments read them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for pattern in (
        "*.md",
        "docs/**/*.md",
        "endpoint/**/*.md",
        "training/*.md",
        "scones/local/**/*.md",
        ".github/**/*.md",
    )
    for path in ROOT.glob(pattern)
)


@cache
def text_of(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str) -> list[str]:
    """The lines of what a page shows to be typed."""
    text = re.sub(r"\\\n\s*", " ", text_of(page))
    lines = re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)
    for block in re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        lines += block.splitlines()
    return lines


def mentions(page: str) -> list[str]:
    """What a page names within a sentence, which may be a part of a command."""
    text = re.sub(r"\\\n\s*", " ", text_of(page))
    return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", text)]


def commands(lines: list[str]) -> Iterator[list[str]]:
    """The words of each command; `|`, `;`, `&&` and a redirection end one, and so does the end of a substitution."""
    for line in lines:
        for part in re.split(r"\s(?:\||;|&&|>)\s|\$\(", re.sub(r"\s#\s.*", "", line)):
            text = re.sub(r"\)\"?\s*$", "", part)
            try:
                words = shlex.split(text)
            except ValueError:  # a quote that continues on the next line
                words = text.split()
            while words and re.fullmatch(r"[A-Z_0-9]+=\S*", words[0]):
                words = words[1:]
            if words:
                yield words


def shown(page: str) -> Iterator[list[str]]:
    """The words of every command that a page shows, in a block or in a line."""
    return commands([*blocks(page), *mentions(page)])


def of_module(words: list[str]) -> str | None:
    """The module that a command runs with `python -m`; None where it is another command."""
    is_python = re.fullmatch(r"(\S*/)?python", words[0])
    return words[2].removesuffix(",") if is_python and words[1:2] == ["-m"] else None
