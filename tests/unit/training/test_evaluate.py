"""The command that measures the shipped model; it needs no PyTorch."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from tests.unit.training.evaluation.made_scores import made_up
from training.evaluate import main
from training.evaluation import model_card
from training.evaluation.report import measure
from training.monitoring import baseline as baselines

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


def test_without_strangers_nothing_is_said_of_them() -> None:
    report = measure(np.eye(3), np.arange(3), np.empty((0, 3)), 0.8)
    assert (report["strangers"], report["strangers_passed"], report["strangers_passed_interval_95"]) == (
        0,
        None,
        None,
    )


def test_where_nothing_passes_no_accuracy_is_claimed() -> None:
    report = measure(np.array([[0.6, 0.4]]), np.array([0]), np.empty((0, 2)), 0.8)
    assert (report["coverage"], report["passed_accuracy"]) == (0, None)


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_a_report_of_any_number_of_classes_is_json_and_a_card(classes: int, tmp_path: Path) -> None:
    found = made_up(classes)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    report = found["test"]
    assert list(report["per_class"]) == list(found["model"]["labels"])
    assert len(report["risk_coverage"]["coverage"]) <= 101
    assert sum(one["images"] for one in report["reliability"]) == report["images"] == 400
    card = model_card.render(found, [tmp_path / "plots" / "test-reliability.png"], tmp_path / "CARD.md")
    assert "(plots/test-reliability.png)" in card
    assert ("columns the answers" in card) == (classes <= 12)
    assert f"| class {classes - 1} |" in card
    assert "No strangers among the test images" in card


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
    assert 0 < report["latency_ms_p50"] <= report["latency_ms_p95"] < 1000
    assert list(report["photos"]["per_class"]) == ["bicycle", "motorcycle"]
    assert np.sum(report["test"]["confusion"]) == 6


def test_card_and_baseline_are_written(archive_path: Path, tmp_path: Path) -> None:
    card, baseline = tmp_path / "new" / "CARD.md", tmp_path / "other" / "baseline.json"
    arguments = ["--archive", str(archive_path), "--md5", _md5(archive_path), "--threshold", "0.6"]
    assert main([*arguments, "--card", str(card), "--baseline", str(baseline)]) == 0
    assert "strangers that pass" in card.read_text()
    found = baselines.load(baseline)
    assert (found.origin, found.labels, found.threshold) == ("evaluation", ("bicycle", "motorcycle"), 0.6)
    assert found.samples["brightness"].count == 6
    assert set(found.samples["width"].values) == {32}
    assert sum(found.categories["label"].values()) == sum(found.categories["review"].values()) == 6


@pytest.mark.parametrize("threshold", ["0", "1.5", "high"])
def test_a_threshold_is_a_share(threshold: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--photos", ".", "--threshold", threshold])


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
