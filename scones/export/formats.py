"""The files that `scones export` writes: each takes images one after the other and keeps little of them in memory."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import IO, Any, Final
from xml.sax.saxutils import quoteattr  # nosec B406

from scones.decisions.decision import CANNOT_TELL, GONE, NEITHER, RESERVED
from scones.errors import SconesError
from scones.index import Ended
from scones.result_documents import Outcome, result_key
from scones.stack import Stack

COLUMNS: Final = (
    "image",
    "key",
    "version_id",
    "etag",
    "size",
    "outcome",
    "finished_at",
    "label",
    "confidence",
    "model_version",
    "reason",
    "result",
)
_ROWS: Final = 10_000


@dataclass(slots=True)
class Export:
    """
    What is written, and how much of it so far.

    Attributes
    ----------
    with_verdict
        Whether Label Studio gets what the model said, as predictions.
    left_out
        Images that a format cannot hold: deleted ones, contents of a key that were replaced, those without a class.
    """

    stack: Stack
    with_verdict: bool = False
    written: int = 0
    left_out: int = 0
    on_progress: Callable[[int], None] = field(default=lambda _: None)

    def count(self, images: Iterable[Ended]) -> Iterator[Ended]:
        """Yield images, and count them."""
        for image in images:
            yield image
            self.written += 1
            self.on_progress(self.written)

    def row(self, image: Ended) -> tuple[str | int | float | None, ...]:
        """Return an image as the columns of a table."""
        stored_as = result_key(image.outcome, image.label, image.image_key, image.etag)
        return (
            self.address(image),
            image.image_key,
            image.version_id,
            image.etag,
            image.size,
            str(image.outcome),
            image.finished_at,
            image.label,
            image.confidence,
            image.model_version,
            image.reason,
            f"s3://{self.stack.results_bucket}/{stored_as}",
        )

    def address(self, image: Ended) -> str:
        """Return where an image is."""
        return f"s3://{self.stack.image_bucket}/{image.image_key}"

    def newest_that_exist(self, images: Iterable[Ended]) -> Iterator[Ended]:
        """Yield the newest content of each key, which is what a file of that name holds; not those that are gone."""
        seen: set[str] = set()
        for image in images:
            if image.label == GONE or image.image_key in seen:
                self.left_out += 1
                continue
            seen.add(image.image_key)
            yield image


def write_csv(images: Iterable[Ended], file: Path, export: Export) -> None:
    """Write RFC 4180; keys and reasons as they are, whatever is in them."""
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(COLUMNS)
        writer.writerows(export.row(image) for image in export.count(images))


def write_parquet(images: Iterable[Ended], file: Path, export: Export) -> None:
    """
    Write Parquet, 10,000 rows at a time; `finished_at` is a timestamp in UTC.

    Raises
    ------
    SconesError
        When pyarrow is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 (an extra of its own)
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError as error:
        message = "Parquet needs the package pyarrow: install `scones[parquet]`, or write CSV"
        raise SconesError(message) from error
    types = {"size": pa.int64(), "confidence": pa.float64(), "finished_at": pa.timestamp("ms", "UTC")}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])
    texts = pa.schema(
        [(name, pa.string() if name == "finished_at" else schema.field(name).type) for name in COLUMNS]
    )
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for rows in batched((export.row(image) for image in export.count(images)), _ROWS, strict=False):
            columns = zip(*rows, strict=True)
            table = pa.table(dict(zip(COLUMNS, map(list, columns), strict=True)), schema=texts)
            writer.write_table(table.cast(schema))


def write_label_studio(images: Iterable[Ended], file: Path, export: Export) -> None:
    """Write Label Studio's JSON of tasks; decisions of people are annotations, `label_config` fits to it."""

    def task(image: Ended) -> dict[str, Any]:
        data = {"image": export.address(image), "key": image.image_key, "etag": image.etag}
        task: dict[str, Any] = {"data": data | {"outcome": str(image.outcome)}}
        if image.outcome is Outcome.REVIEWED:
            task["annotations"] = [{"result": [_choice(image)]}]
        elif export.with_verdict and image.label:
            prediction = {"model_version": image.model_version or "unknown", "score": image.confidence}
            task["predictions"] = [prediction | {"result": [_choice(image)]}]
        return task

    with file.open("w", encoding="utf-8") as out:
        write_list(out, (task(image) for image in export.count(export.newest_that_exist(images))))
        out.write("\n")


def label_config(labels: Iterable[str]) -> str:
    """Return the labelling configuration of a Label Studio project for these tasks."""
    choices = "".join(f"<Choice value={quoteattr(label)}/>" for label in (*labels, NEITHER, CANNOT_TELL))
    return (
        '<View><Image name="image" value="$image"/>'
        f'<Choices name="label" toName="image" choice="single">{choices}</Choices></View>'
    )


def _choice(image: Ended) -> dict[str, Any]:
    return {
        "from_name": "label",
        "to_name": "image",
        "type": "choices",
        "value": {"choices": [image.label]},
    }


def write_coco(images: Iterable[Ended], file: Path, export: Export) -> None:
    """Write COCO's JSON; an image with a label has one annotation without a box, and `file_name` is its key."""
    classes = {label: number for number, label in enumerate(export.stack.labels, 1)}
    annotated: list[tuple[int, int, Mapping[str, float]]] = []

    def image_of(number: int, image: Ended) -> dict[str, Any]:
        if label := class_of(image):
            annotated.append((number, classes.setdefault(label, len(classes) + 1), _score(image)))
        return {
            "id": number,
            "file_name": image.image_key.removeprefix(export.stack.incoming_prefix),
            "coco_url": export.address(image),
            "date_captured": image.finished_at,
        }

    with file.open("w", encoding="utf-8") as out:
        out.write('{"images": ')
        numbered = enumerate(export.count(export.newest_that_exist(images)), 1)
        write_list(out, (image_of(number, image) for number, image in numbered))
        out.write(', "annotations": ')
        write_list(
            out,
            (
                {"id": number, "image_id": image, "category_id": label, "iscrowd": 0, **score}
                for number, (image, label, score) in enumerate(annotated, 1)
            ),
        )
        categories = [{"id": number, "name": label} for label, number in classes.items()]
        out.write(f', "categories": {json.dumps(categories)}}}\n')


def write_fiftyone(images: Iterable[Ended], file: Path, export: Export) -> None:
    """Write labels of a FiftyOneImageClassificationDataset; a sample is a key below incoming/ without its ending."""
    seen: set[str] = set()

    def name_of(image: Ended) -> str:
        return str(Path(image.image_key.removeprefix(export.stack.incoming_prefix)).with_suffix(""))

    def labelled() -> Iterator[Ended]:
        for image in export.newest_that_exist(images):
            if class_of(image) is None or name_of(image) in seen:
                export.left_out += 1
                continue
            seen.add(name_of(image))
            yield image

    with file.open("w", encoding="utf-8") as out:
        out.write('{"classes": null, "labels": {')
        separator = "\n"
        for image in export.count(labelled()):
            label = {"label": image.label, "confidence": _score(image).get("score")}
            out.write(f"{separator}{json.dumps(name_of(image))}: {json.dumps(label)}")
            separator = ",\n"
        out.write("}}\n")


def class_of(image: Ended) -> str | None:
    """Return the class that an image has; none while it waits, or where a person decided that it has none."""
    return None if image.outcome is Outcome.REVIEW or image.label in RESERVED else image.label


def _score(image: Ended) -> Mapping[str, float]:
    """Return how sure the model was of its own label; a person's has no score."""
    if image.outcome is not Outcome.PASSED or image.confidence is None:
        return {}
    return {"score": image.confidence}


def write_list(out: IO[str], documents: Iterable[Mapping[str, Any]]) -> None:
    """Write a JSON list as its documents come."""
    separator = "[\n"
    for document in documents:
        out.write(separator + json.dumps(document, ensure_ascii=False))
        separator = ",\n"
    out.write("[]" if separator == "[\n" else "]")


type Writer = Callable[[Iterable[Ended], Path, Export], None]

FORMATS: Final[Mapping[str, Writer]] = {
    "csv": write_csv,
    "parquet": write_parquet,
    "label-studio": write_label_studio,
    "coco": write_coco,
    "fiftyone": write_fiftyone,
}
