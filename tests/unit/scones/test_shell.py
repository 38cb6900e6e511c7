"""Names in printed commands: what bash reads back is the same name, and nothing in it runs."""

import os
import subprocess
from pathlib import Path

import pytest

from scones.connection import Target
from scones.shell import quoted

NAMES = [
    "plain.jpg",
    "a photo.jpg",
    "it's $(touch x).jpg",
    "`touch x`.jpg",
    "Screenshot at 9.41\u202fAM.png",
    "two\nlines\tand a \\ backslash and it's.jpg",
    "\x1b[31mred\x7f.jpg",
    "\u202ered\u00a0caf\u00e9.jpg",
    "bytes \udcff.jpg",
    "-dash !history *.jpg",
    "\x011 a digit after an escape",
    "",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("escape_non_ascii", [False, True])
def test_bash_reads_the_same_name(name: str, escape_non_ascii: bool, tmp_path: Path) -> None:
    word = quoted(name, escape_non_ascii=escape_non_ascii)
    done = subprocess.run(
        ["bash", "-c", f"printf %s {word}"], cwd=tmp_path, capture_output=True, check=True, timeout=60
    )
    assert done.stdout == os.fsencode(name)
    assert not (tmp_path / "x").exists()
    assert word.isprintable()
    assert word.isascii() or not escape_non_ascii


def test_the_options_that_name_a_stack_are_words_too() -> None:
    assert Target("it's\x1b", "a b", None).options == r" --stack $'it\'s\x1b' --profile 'a b'"
