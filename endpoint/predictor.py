"""Compute class probabilities of image bytes with a self-describing ONNX model.

The model's contract: input "image" uint8 [N, S, S, 3] in RGB; output "probabilities" float32 [N, C], with
normalisation, mirror averaging, temperature and softmax inside the graph; metadata `labels` (comma
separated, in the order of the probabilities), `input_size` (S), `temperature` and `version`; and `views`, the squares
of a picture whose probabilities are averaged (comma separated, of endpoint.views.VIEWS; without it, the centre alone).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime

from endpoint.errors import InvalidAnswerError, ModelFileError
from endpoint.image import MAX_PIXELS
from endpoint.views import CENTRE, VIEWS, read_picture, short_side, views

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHIPPED_MODEL = Path(__file__).parent / "model" / "model.onnx"
_ERRORS_ONLY = 3
_SUM_TOLERANCE = 1e-3
_SHOWN_VALUES = 5


class Predictor:
    """A loaded model; safe to call from several threads.

    Parameters
    ----------
    model_path
        The .onnx file.
    threads
        Threads per prediction; one is best for parallel requests.
    max_pixels
        Larger images are rejected before they are decoded.

    Raises
    ------
    ModelFileError
        The file is missing, damaged or violates the contract above.
    """

    def __init__(self, model_path: Path, threads: int = 1, max_pixels: int = MAX_PIXELS) -> None:
        self._session = _session(model_path, threads)
        facts = self._session.get_modelmeta().custom_metadata_map
        try:
            self.labels = tuple(facts["labels"].split(","))
            self.input_size = int(facts["input_size"])
            self.temperature = float(facts["temperature"])
            self.version = str(facts["version"])
        except (KeyError, ValueError) as error:
            raise ModelFileError(
                f"{model_path}: bad metadata labels, input_size, temperature or version ({error})"
            ) from error
        self.views = tuple(facts.get("views", CENTRE).split(","))
        if unknown := [name for name in self.views if name not in VIEWS]:
            raise ModelFileError(
                f"{model_path}: unknown view {unknown[0]!r} in its metadata; known are {', '.join(VIEWS)}"
            )
        self.picture_size = short_side(self.input_size, self.views)
        self.max_pixels = max_pixels
        self._check(model_path)

    def predict(self, data: bytes) -> list[float]:
        """Return the probabilities of an image file, in the order of `labels`, with sum 1.

        The mean of its views' probabilities: where they disagree, the confidence is low.

        Raises
        ------
        ImageError
            UnreadableImageError or TooManyPixelsError; the image is the cause.
        InvalidAnswerError
            The network returned NaN, infinities or other values that are not probabilities.
        """
        picture = read_picture(data, self.picture_size, self.max_pixels)
        answers = self.probabilities(views(picture, self.input_size, self.views)).astype(np.float64)
        for answer in answers:
            _check_answer(answer)
        mean = answers.mean(0)
        return [float(value) for value in mean / mean.sum()]

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return [N, C] probabilities of uint8 [N, S, S, 3] squares."""
        answer: NDArray[np.float32] = self._session.run(["probabilities"], {"image": images})[0]
        return answer

    def _check(self, model_path: Path) -> None:
        """Run the model once, as a check and a warm-up."""
        blank = np.zeros((len(self.views), self.input_size, self.input_size, 3), np.uint8)
        try:
            answer = self.probabilities(blank)
        except Exception as error:  # onnxruntime has an exception class per status code and no common base
            raise ModelFileError(f"{model_path}: cannot be run ({_one_line(error)})") from error
        if answer.shape != (len(self.views), len(self.labels)):
            raise ModelFileError(
                f"{model_path}: {len(self.labels)} labels but an output of shape {answer.shape}"
            )
        try:
            _check_answer(answer[0].astype(np.float64))
        except InvalidAnswerError as error:
            raise ModelFileError(f"{model_path}: {error}") from error


def _check_answer(values: NDArray[np.float64]) -> None:
    """Raise InvalidAnswerError unless the values are probabilities with sum 1, within float32 rounding."""
    if not (np.isfinite(values).all() and values.min() >= 0 and abs(values.sum() - 1) <= _SUM_TOLERANCE):
        shown = ", ".join(f"{value:g}" for value in values[:_SHOWN_VALUES])
        raise InvalidAnswerError(f"the model returned {shown}, which are not probabilities")


def _session(model_path: Path, threads: int) -> onnxruntime.InferenceSession:
    if not model_path.is_file():
        raise ModelFileError(f"{model_path}: no such model file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    try:
        return onnxruntime.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # see _check
        raise ModelFileError(f"{model_path}: not a usable ONNX model ({_one_line(error)})") from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
