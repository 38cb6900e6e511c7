"""What the pages show of `python -m training` is parsed by the command itself, as when it is typed."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

import pytest

from tests.page_commands import PAGES, blocks, commands, of_module

pytest.importorskip("torch")

SHOWN = sorted(
    {
        tuple(words[2:])
        for page in PAGES
        for words in commands(blocks(page))
        if (of_module(words) or "").startswith("training.")
    }
)


class ParsedError(Exception):
    """The command line is one that the command takes; it is not run."""


@pytest.fixture(autouse=True)
def only_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parse = argparse.ArgumentParser.parse_args

    def parse_only(parser: argparse.ArgumentParser, *args: Any, **named: Any) -> None:
        parse(parser, *args, **named)
        raise ParsedError

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)


def test_the_pages_show_every_command_of_training() -> None:
    names = {words[0] for words in SHOWN}
    assert {
        f"training.{name}"
        for name in ("data", "train", "evaluate", "package", "deploy", "monitor", "improve")
    } <= names


@pytest.mark.parametrize("words", SHOWN, ids=" ".join)
def test_a_command_of_the_pages_is_one_that_the_parser_takes(words: tuple[str, ...]) -> None:
    with pytest.raises(ParsedError):
        importlib.import_module(words[0]).main([word for word in words[1:] if word != "..."])


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SystemExit):
        importlib.import_module("training.train").main(["--archives", "a.tar.gz"])
