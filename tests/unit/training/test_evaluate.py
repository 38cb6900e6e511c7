"""The command that measures the shipped model; it needs no PyTorch."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from training.evaluate import main, measure

if TYPE_CHECKING:
    from pathlib import Path


def test_measuring_counts_what_passes() -> None:
    known = np.array([[0.95, 0.05], [0.9, 0.1], [0.4, 0.6], [0.1, 0.9]])
    strangers = np.array([[0.5, 0.5], [0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
    report = measure(known, np.array([0, 1, 1, 1]), strangers, 0.8)
    assert report["images"] == 4
    assert report["accuracy"] == 0.75
    assert report["coverage"] == 0.75
    assert report["passed_accuracy"] == pytest.approx(2 / 3)
    assert report["strangers_passed"] == 0.25


def test_json_is_one_document_and_nothing_else(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder, colour in (("bicycle", "red"), ("motorcycle", "blue"), ("neither", "white")):
        (tmp_path / "photos" / folder).mkdir(parents=True)
        Image.new("RGB", (80, 60), colour).save(tmp_path / "photos" / folder / "one.jpg")
    (tmp_path / "photos" / "bicycle" / "notes.txt").write_text("not an image")
    photos = str(tmp_path / "photos")
    assert (
        main(["--archive", str(archive_path), "--md5", _md5(archive_path), "--photos", photos, "--json"]) == 0
    )
    report = json.loads(capsys.readouterr().out)
    assert report["model"]["labels"] == ["bicycle", "motorcycle"]
    assert (report["test"]["images"], report["test"]["strangers"]) == (6, 6)
    assert (report["photos"]["images"], report["photos"]["strangers"]) == (2, 1)
    assert report["photos"]["unreadable"] == 1
    assert 0 < report["latency_ms_p50"] < 1000


def test_text_is_for_people(archive_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--archive", str(archive_path), "--md5", _md5(archive_path)]) == 0
    assert "strangers passed" in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--archive", "--photos", "--model"])
def test_what_is_missing_is_one_line(
    archive_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    sound = ["--archive", str(archive_path), "--md5", _md5(archive_path)]
    assert main([*sound, option, str(tmp_path / "absent")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "absent" in line


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
