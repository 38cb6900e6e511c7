"""Measure the shipped model, through the endpoint's own predictor, on images no choice was made on."""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from endpoint.errors import ImageError, ModelFileError
from endpoint.predictor import SHIPPED_MODEL, Predictor
from training import metrics
from training.archive import OFFICIAL_MD5, Archive, ArchiveError, read_archive
from training.data import UnknownClassError, class_indices, others, select

if TYPE_CHECKING:
    from collections.abc import Iterable

_LATENCY_RUNS = 200


class PhotosError(Exception):
    """The folder of photographs is not laid out as expected."""


def measure(
    known: np.ndarray,
    labels: np.ndarray,
    strangers: np.ndarray,
    threshold: float,
    bins: int = metrics.ECE_BINS,
) -> dict[str, Any]:
    """Summarise what the scores are worth.

    Parameters
    ----------
    known
        Probabilities [N, C] of images of the model's classes.
    labels
        Their true classes [N].
    strangers
        Probabilities [M, C] of images of none of the classes.
    threshold
        The confidence from which an answer is taken without a person.
    bins
        Bins of the calibration error.
    """
    right = int((known.argmax(1) == labels).sum())
    return {
        "images": len(labels),
        "accuracy": metrics.accuracy(known, labels),
        "accuracy_interval_95": metrics.wilson_interval(right, len(labels)),
        "coverage": metrics.coverage(known, threshold),
        "passed_accuracy": metrics.passed_accuracy(known, labels, threshold),
        "calibration_error": metrics.calibration_error(known, labels, bins),
        "strangers": len(strangers),
        "strangers_passed": metrics.coverage(strangers, threshold),
    }


def evaluate_archive(predictor: Predictor, archive: Archive, threshold: float) -> dict[str, Any]:
    """Measure on the archive's test images; those of other classes are the strangers."""
    wanted = class_indices(predictor.labels, archive.class_names)
    known, strange = select(archive.test, wanted), others(archive.test, wanted)
    scores = _scores(predictor, map(_png, known.pixels))
    return measure(scores, known.labels, _scores(predictor, map(_png, strange.pixels)), threshold)


def evaluate_photos(predictor: Predictor, folder: Path, threshold: float) -> dict[str, Any]:
    """Measure on a folder with a subfolder of photographs per class; every other subfolder holds strangers.

    Raises
    ------
    PhotosError
        No photograph of any class is there.
    """
    known: list[list[float]] = []
    labels: list[int] = []
    strange: list[list[float]] = []
    unreadable = 0
    for path in sorted(path for path in folder.glob("*/*") if path.is_file()):
        try:
            scores = predictor.predict(path.read_bytes())
        except ImageError as error:
            print(f"{path}: {error}", file=sys.stderr)
            unreadable += 1
            continue
        if path.parent.name in predictor.labels:
            known.append(scores)
            labels.append(predictor.labels.index(path.parent.name))
        else:
            strange.append(scores)
    if not known:
        raise PhotosError(
            f"{folder}: no photographs in {' or '.join(f'{label}/' for label in predictor.labels)}"
        )
    classes = len(predictor.labels)
    report = measure(np.array(known), np.array(labels), np.array(strange).reshape(-1, classes), threshold)
    return {**report, "unreadable": unreadable}


def latency_ms(predictor: Predictor) -> float:
    """Return the median milliseconds of one PNG of the model's size, decoding included."""
    noise = np.random.default_rng(0).integers(
        0, 256, (predictor.input_size, predictor.input_size, 3), np.uint8
    )
    data = _png(noise)
    spans = []
    for _ in range(_LATENCY_RUNS):
        started = time.perf_counter()
        predictor.predict(data)
        spans.append(time.perf_counter() - started)
    return statistics.median(spans) * 1000


def _scores(predictor: Predictor, files: Iterable[bytes]) -> np.ndarray:
    return np.array([predictor.predict(data) for data in files]).reshape(-1, len(predictor.labels))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _text(name: str, report: dict[str, Any]) -> str:
    low, high = report["accuracy_interval_95"]
    passed = report["passed_accuracy"]
    return "\n".join(
        (
            f"{name}: {report['images']} images, {report['strangers']} strangers",
            f"  accuracy            {report['accuracy']:.3f}  (95 % interval {low:.3f} to {high:.3f})",
            f"  coverage            {report['coverage']:.3f}",
            f"  right among passed  {'-' if passed is None else format(passed, '.3f')}",
            f"  calibration error   {report['calibration_error']:.3f}",
            f"  strangers passed    {report['strangers_passed']:.3f}",
        )
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--archive", type=Path, help="cifar-100-python.tar.gz, for its test images")
    parser.add_argument("--md5", default=OFFICIAL_MD5, help="checksum (default: the official archive's)")
    parser.add_argument("--photos", type=Path, help="folder with a subfolder per class; others are strangers")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="default: %(default)s")
    parser.add_argument("--threshold", type=float, default=0.8, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not (options.archive or options.photos):
        parser.error("give --archive, --photos or both")
    try:
        predictor = Predictor(options.model)
        parts = {}
        if options.archive:
            archive = read_archive(options.archive, options.md5)
            parts["test"] = evaluate_archive(predictor, archive, options.threshold)
        if options.photos:
            parts["photos"] = evaluate_photos(predictor, options.photos, options.threshold)
    except (ArchiveError, UnknownClassError, PhotosError, ModelFileError, OSError) as error:
        print(f"training.evaluate: {error}", file=sys.stderr)
        return 1
    model = {"version": predictor.version, "labels": predictor.labels, "temperature": predictor.temperature}
    latency = latency_ms(predictor)
    if options.json:
        print(
            json.dumps({"model": model, "threshold": options.threshold, "latency_ms_p50": latency, **parts})
        )
    else:
        print(f"model {predictor.version} ({', '.join(predictor.labels)}), threshold {options.threshold}")
        print("\n".join(_text(name, part) for name, part in parts.items()))
        print(f"one image: {latency:.1f} ms (median)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
