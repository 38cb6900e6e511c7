"""`scones export`: whole files or none, and a row for each image of the range."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scones.export import formats
from scones.export.formats import Export
from scones.index import Ended
from tests.judges.exported import IMAGES, images_of, new_export

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.unit.scones.fake_stack import FakeWorkflow, Scones


@pytest.fixture
def stored(workflow: FakeWorkflow) -> None:
    workflow.write("passed", "incoming/a.jpg", "e1")
    workflow.write("review", "incoming/b.jpg", "e2")
    workflow.write("failed", "incoming/c.jpg", "e3")


def test_a_table_of_a_range(scones: Scones, stored: None, tmp_path: Path) -> None:
    file = tmp_path / "images.csv"
    result = scones("export", str(file), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert (document["images"], document["format"], document["left_out"]) == (3, "csv", 0)
    assert document["read_units"] > 0
    with file.open(newline="") as opened:
        rows = {row["key"]: row for row in csv.DictReader(opened)}
    assert rows["incoming/a.jpg"]["label"] == "bicycle"
    assert rows["incoming/a.jpg"]["image"] == "s3://the-image-bucket/incoming/a.jpg"
    assert rows["incoming/b.jpg"]["result"] == "s3://the-results-bucket/review/b.jpg/e2.json"
    assert "1 image to" in scones("export", str(file), "--outcome", "failed").stdout
    assert file.read_text().count("\n") == 2
    assert "0 images" in scones("export", str(file), "--until", "1h").stdout


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_nothing_half_written_is_left(
    scones: Scones,
    stored: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | type[BaseException],
) -> None:
    def broken(images: Iterable[Ended], file: Path, export: Export) -> None:
        with file.open("w") as out:
            out.write(next(iter(images)).image_key)
        raise error

    monkeypatch.setitem(formats.FORMATS, "csv", broken)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "images.csv").write_text("before")
    result = scones("export", str(folder / "images.csv"))
    assert result.exit_code == (130 if error is KeyboardInterrupt else 2)
    assert {file.name: file.read_text() for file in folder.iterdir()} == {"images.csv": "before"}


def test_what_to_write_must_be_clear(scones: Scones, stored: None, tmp_path: Path) -> None:
    assert "name it with --format" in scones("export", str(tmp_path / "images.json")).stderr
    assert "cannot write" in scones("export", str(tmp_path / "no" / "images.csv")).stderr


def test_parquet_without_its_package_names_it(
    scones: Scones, stored: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    result = scones("export", str(tmp_path / "images.parquet"))
    assert result.exit_code == 2
    assert "install `scones[parquet]`" in result.stderr
    assert list(tmp_path.glob("*.part")) == []


def written(name: str, file: Path, **more: Any) -> tuple[Any, Export]:
    export = new_export(**more)
    formats.FORMATS[name](images_of(IMAGES), file, export)
    return json.loads(file.read_text()), export


def test_label_studio_gets_what_people_decided_and_the_verdict_only_when_asked_for(tmp_path: Path) -> None:
    tasks, export = written("label-studio", tmp_path / "tasks.json")
    assert (len(tasks), export.left_out) == (7, 2)
    assert [one["annotations"][0]["result"][0]["value"] for one in tasks if "annotations" in one] == [
        {"choices": ['motor "cycle" & <sidecar>']},
        {"choices": ["neither"]},
    ]
    assert not any("predictions" in one for one in tasks)
    assert "0.61" not in (tmp_path / "tasks.json").read_text()
    with_verdict, _ = written("label-studio", tmp_path / "tasks.json", with_verdict=True)
    assert [one["predictions"][0]["score"] for one in with_verdict if "predictions" in one] == [
        0.97,
        0.61,
        0.9,
    ]


def test_fiftyone_gets_a_label_for_each_file_that_has_a_class(tmp_path: Path) -> None:
    """FiftyOne 1.22.1 read this file, and such labels of such files; it needs a MongoDB, so no test asks it."""
    document, export = written("fiftyone", tmp_path / "labels.json")
    assert document["classes"] is None
    assert {name: one["label"] for name, one in document["labels"].items()} == {
        'a/"b",\n é': "bicycle",
        "a/d": 'motor "cycle" & <sidecar>',
        "a/h": "a class of an older model",
    }
    assert [one["confidence"] for one in document["labels"].values()] == [0.97, None, 0.9]
    assert (export.written, export.left_out) == (3, 6)


def test_coco_has_the_label_of_what_passed_with_its_score_and_of_people_without_and_none_of_what_waits(
    tmp_path: Path,
) -> None:
    document, _ = written("coco", tmp_path / "coco.json")
    names = {one["id"]: one["file_name"] for one in document["images"]}
    assert {names[one["image_id"]]: one.get("score") for one in document["annotations"]} == {
        'a/"b",\n é.jpg': 0.97,
        "a/d.jpg": None,
        "a/h.jpg": 0.9,
    }
    assert "a/c.jpg" in names.values()


def test_an_empty_range_is_a_valid_file(tmp_path: Path) -> None:
    for name in ("label-studio", "coco", "fiftyone"):
        formats.FORMATS[name]((), tmp_path / name, new_export())
        assert json.loads((tmp_path / name).read_text()) in (
            [],
            {"classes": None, "labels": {}},
            {
                "images": [],
                "annotations": [],
                "categories": [
                    {"id": 1, "name": "bicycle"},
                    {"id": 2, "name": 'motor "cycle" & <sidecar>'},
                ],
            },
        )
