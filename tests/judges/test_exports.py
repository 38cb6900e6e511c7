"""What `scones export` writes is read by the libraries that it is for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scones.export.formats import label_config, write_coco, write_label_studio
from tests.judges import dataset_readers
from tests.judges.exported import IMAGES, LABELS, images_of, new_export
from tests.judges.node import INSTALLED

FOLDER = INSTALLED / "dataset_readers"
pytestmark = [
    pytest.mark.judge,
    pytest.mark.skipif(
        not (FOLDER / ".ready").is_file(),
        reason="the libraries that read exports are not installed; `make judges` installs them",
    ),
]


def read(kind: str, file: Path, argument: str = "") -> dict[str, Any]:
    command = [str(FOLDER / "bin" / "python"), str(dataset_readers.__file__), kind, str(file), argument]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return dict(json.loads(ran.stdout))


def test_pycocotools_reads_images_and_classes(tmp_path: Path) -> None:
    export = new_export()
    write_coco(images_of(IMAGES), tmp_path / "coco.json", export)
    found = read("coco", tmp_path / "coco.json")
    assert found["classes"] == [*LABELS, "a class of an older model"]
    assert found["images"] == {
        'a/"b",\n é.jpg': [["bicycle", 0.97]],
        "a/c.jpg": [],
        "a/d.jpg": [[LABELS[1], None]],
        "a/e.jpg": [],
        "a/f.jpg": [],
        "a/g.jpg": [],
        "a/h.jpg": [["a class of an older model", 0.9]],
    }
    assert found["by_class"] == {"bicycle": 1, LABELS[1]: 1, "a class of an older model": 1}
    assert (export.written, export.left_out) == (7, 2)


@pytest.mark.parametrize("with_verdict", [False, True])
def test_label_studio_accepts_tasks_and_configuration(tmp_path: Path, with_verdict: bool) -> None:
    images = [one for one in IMAGES if one["label"] != "a class of an older model"]
    write_label_studio(images_of(images), tmp_path / "tasks.json", new_export(with_verdict=with_verdict))
    found = read("label-studio", tmp_path / "tasks.json", label_config(LABELS))
    assert found["choices"] == sorted([*LABELS, "neither", "cannot_tell"])
    assert found["valid"] == [True] * 6
    assert found["valid_results"] == [True] * (4 if with_verdict else 2)


def test_pyarrow_reads_parquet_with_types(tmp_path: Path) -> None:
    found = read("parquet", tmp_path / "images.parquet", json.dumps(IMAGES))
    types = found["types"]
    assert types["finished_at"] == "timestamp[ms, tz=UTC]"
    assert (types["size"], types["confidence"], types["label"]) == ("int64", "double", "string")
    assert len(found["rows"]) == len(IMAGES)
    first = found["rows"][0]
    assert first["key"] == 'incoming/a/"b",\n é.jpg'
    assert (first["outcome"], first["label"], first["confidence"]) == ("passed", "bicycle", 0.97)
    assert first["finished_at"] == "2026-11-27 05:40:00.125000+00:00"
    assert [row["label"] for row in found["rows"]] == [one["label"] for one in IMAGES]
