"""Reads a file of `scones export` with the library that it is for, and prints what the library found, as JSON.

    .judges/dataset_readers/bin/python tests/judges/dataset_readers.py FORMAT FILE [ARGUMENT]

Runs in an environment of its own, without the project's packages.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any


def read_coco(file: Path, _: str) -> dict[str, Any]:
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(file))
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    return {
        "classes": [names[number] for number in sorted(names)],
        "images": {
            coco.loadImgs(image)[0]["file_name"]: [
                (names[one["category_id"]], one.get("score"))
                for one in coco.loadAnns(coco.getAnnIds(imgIds=[image]))
            ]
            for image in coco.getImgIds()
        },
        "by_class": {names[number]: len(coco.getImgIds(catIds=[number])) for number in names},
    }


def read_label_studio(file: Path, config: str) -> dict[str, Any]:
    from label_studio_sdk.label_interface import LabelInterface

    interface = LabelInterface(config)
    interface.validate()
    tasks = json.loads(file.read_text())
    return {
        "choices": sorted(interface.get_control("label").labels),
        "valid": [interface.validate_task({"data": task["data"]}) for task in tasks],
        "valid_results": [
            *(interface.validate_annotation(one) for task in tasks for one in task.get("annotations", [])),
            *(interface.validate_prediction(one) for task in tasks for one in task.get("predictions", [])),
        ],
    }


def write_and_read_parquet(file: Path, images: str) -> dict[str, Any]:
    import pyarrow.parquet as pq

    sys.path.insert(0, str(Path(__file__).parents[2]))
    from scones.export.formats import write_parquet
    from tests.judges.exported import images_of, new_export

    write_parquet(images_of(json.loads(images)), file, new_export())
    table = pq.read_table(file)
    return {
        "types": {field.name: str(field.type) for field in table.schema},
        "rows": json.loads(json.dumps(table.to_pylist(), default=str)),
    }


READERS = {"coco": read_coco, "label-studio": read_label_studio, "parquet": write_and_read_parquet}

if __name__ == "__main__":
    kind, path, argument = sys.argv[1:]
    print(json.dumps(READERS[kind](Path(path), argument)))
