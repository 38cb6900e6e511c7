"""Score images with the endpoint's own predictor: the archive's test images, or a folder of photographs."""

from __future__ import annotations

import io
import math
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from endpoint.errors import ImageError
from training.dataset.splits import class_indices, others, select
from training.errors import FolderError
from training.monitoring.image_statistics import image_statistics
from training.monitoring.observations import PASSED, REVIEW, Observation, Observations
from training.progress import bar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from endpoint.predictor import Predictor
    from training.dataset.archive import Archive

_LATENCY_RUNS, _WARM_UP_RUNS = 400, 20


@dataclass(frozen=True, slots=True)
class Scored:
    """Predictions of the model and the true classes.

    Attributes
    ----------
    known, labels
        Probabilities [N, C] of images of the model's classes, and their classes [N].
    strangers
        Probabilities [M, C] of images of none of them.
    inputs
        Statistics of the N known images, see training.monitoring.image_statistics.
    unreadable
        Number of files that could not be read.
    """

    known: np.ndarray
    labels: np.ndarray
    strangers: np.ndarray
    inputs: Sequence[dict[str, float]]
    unreadable: int = 0

    def observations(self, class_names: Sequence[str], threshold: float) -> Observations:
        """Return the predictions for the known images as production would record them."""
        found = Observations()
        for scores, inputs in zip(self.known, self.inputs, strict=True):
            confidence = float(scores.max())
            outcome = PASSED if confidence >= threshold else REVIEW
            found.add(Observation(math.nan, outcome, class_names[scores.argmax()], confidence, inputs))
        return found


def score_archive(predictor: Predictor, archive: Archive) -> Scored:
    """Score the archive's test images; images of classes that the model does not have are strangers.

    Raises
    ------
    UnknownClassError
        The model has a class that is not in the archive.
    """
    wanted = class_indices(predictor.labels, archive.class_names)
    known, strange = select(archive.test, wanted), others(archive.test, wanted)
    files = [png(pixels) for pixels in known.pixels]
    with bar("test images", len(known) + len(strange)) as progress:

        def scores(contents: Iterable[bytes]) -> np.ndarray:
            answers = []
            for data in contents:
                answers.append(predictor.predict(data))
                progress.update()
            return _table(answers, predictor)

        inputs = [image_statistics(data, predictor.input_size) for data in files]
        return Scored(scores(files), known.labels, scores(map(png, strange.pixels)), inputs)


def score_photos(predictor: Predictor, folder: Path) -> Scored:
    """Score a folder with a subfolder of photographs per class; every other subfolder contains strangers.

    Raises
    ------
    FolderError
        There are no photographs of any class.
    """
    known, labels, strange, inputs = [], [], [], []
    unreadable = 0
    paths = sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))
    with bar("photographs", len(paths)) as progress:
        for path in paths:
            progress.update()
            data = path.read_bytes()
            try:
                scores = predictor.predict(data)
            except ImageError as error:
                print(f"{path}: {error}", file=sys.stderr)
                unreadable += 1
                continue
            if path.parent.name in predictor.labels:
                known.append(scores)
                labels.append(predictor.labels.index(path.parent.name))
                inputs.append(image_statistics(data, predictor.input_size))
            else:
                strange.append(scores)
    if not known:
        raise FolderError(
            f"{folder}: no photographs in {' or '.join(f'{label}/' for label in predictor.labels)}"
        )
    return Scored(_table(known, predictor), np.array(labels), _table(strange, predictor), inputs, unreadable)


def latency_ms(predictor: Predictor) -> tuple[float, float]:
    """Return the median and the 95th percentile of one PNG with all of the model's views, decoding included."""
    shape = (predictor.picture_size, predictor.picture_size, 3)
    data = png(np.random.default_rng(0).integers(0, 256, shape, np.uint8))
    spans = []
    for _ in range(_WARM_UP_RUNS + _LATENCY_RUNS):
        started = time.perf_counter()
        predictor.predict(data)
        spans.append(time.perf_counter() - started)
    median, high = np.percentile(np.array(spans[_WARM_UP_RUNS:]) * 1000, (50, 95))
    return float(median), float(high)


def png(pixels: np.ndarray) -> bytes:
    """Return the pixels [H, W, 3] as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _table(answers: Sequence[Sequence[float]], predictor: Predictor) -> np.ndarray:
    return np.array(answers, np.float64).reshape(-1, len(predictor.labels))
