"""Rows are readable at any width, no name is folded beside other columns, and a pipe gets no frames of a spinner."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.text import Text

from scones.drop.display import print_table
from scones.drop.uploads import Image, Uploaded
from scones.result_documents import Document, Outcome
from scones.terminal import Column, print_rows, steps

NAMES = ("couriers/2026/11/anna's bicycle in the rain.jpg", "b.png", "zu groß/Fahrrad 自転車.heic")
REASON = "this PNG image is damaged: image file is truncated (OSError), its last line is missing"
COLUMNS = (Column("outcome"), Column("seconds", right=True, stacked="{} s"), Column("reason", is_prose=True))


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    rows = [
        (name, Text("rejected", "red"), "4.67", REASON if number else "") for number, name in enumerate(NAMES)
    ]
    print_rows(Column("image"), COLUMNS, rows)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_every_name_stands_whole_in_a_line(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    lines = printed(capsys)
    assert all(Text(line.rstrip()).cell_len <= width for line in lines)
    for name in NAMES if width > 50 else NAMES[1:]:
        assert any(line.startswith(name) for line in lines), lines
    assert "last line is missing" in " ".join(" ".join(lines).split())
    assert len(lines) <= 14


def test_a_narrow_terminal_says_the_rest_below_the_name(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = printed(capsys)
    assert [line.rstrip() for line in lines[:3]] == [NAMES[0], "  rejected  4.67 s", NAMES[1]]


def test_a_wide_terminal_has_a_line_for_each_row(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines = [line for line in printed(capsys) if line.strip()]
    assert len(lines) == 2 + len(NAMES)  # with titles and a rule


def test_a_pipe_gets_cells_apart_by_tabs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    lines = printed(capsys)
    assert [line.split("\t") for line in lines] == [
        ["image", "outcome", "seconds", "reason"],
        [NAMES[0], "rejected", "4.67", ""],
        [NAMES[1], "rejected", "4.67", REASON],
        [NAMES[2], "rejected", "4.67", REASON],
    ]


def test_a_tab_in_a_name_makes_no_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    document = Document("r", Outcome.PASSED, "k", "e", "bicycle", 0.99996, None, {})
    image = Image(Path("a\tb\n.png"), "k")
    image.document, image.uploaded, image.seconds = document, Uploaded("e", 0.0), 1.0
    print_table([image])
    _, row = capsys.readouterr().out.splitlines()
    assert row.split("\t") == ["a\\tb\\n.png", "passed", "bicycle", "0.999", "1.00", ""]


SPINNER_AND_BAR = """
from rich.progress import Progress
from scones.terminal import err
with err().status("Starting"):
    pass
with Progress(console=err()) as progress:
    progress.advance(progress.add_task("Counting", total=2))
err().print("done")
"""


@pytest.mark.parametrize(
    "variables", [{}, {"FORCE_COLOR": "1", "TERM": "xterm-color", "CLICOLOR_FORCE": "1"}]
)
def test_a_pipe_gets_no_spinner_frames(variables: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SPINNER_AND_BAR], env=os.environ | variables, capture_output=True, check=True
    )
    assert b"\x1b" not in done.stderr
    assert b"\r" not in done.stderr
    assert done.stderr.endswith(b"done\n")


def test_steps_are_lines_where_no_person_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with steps("Starting") as step:
        step("Building the functions (sam build)")
    assert capsys.readouterr().err == "Starting ...\nBuilding the functions (sam build) ...\n"
