"""The shipped model behind its predictor."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from endpoint.errors import InvalidAnswerError, ModelFileError, TooManyPixelsError, UnreadableImageError
from endpoint.predictor import SHIPPED_MODEL, Predictor

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_model_describes_itself(predictor: Predictor) -> None:
    assert predictor.labels == ("bicycle", "motorcycle")
    assert predictor.input_size == 32
    assert predictor.temperature > 0
    assert predictor.version
    assert SHIPPED_MODEL.stat().st_size <= 4_000_000


def test_onnx_runtime_does_not_phone_home() -> None:
    program = "import endpoint.predictor, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert answer.stdout == b"1\n"


def test_probabilities_are_plain_floats_with_sum_one(predictor: Predictor, png: bytes) -> None:
    answer = predictor.predict(png)
    assert [type(value) for value in answer] == [float, float]
    assert all(0 <= value <= 1 for value in answer)
    assert sum(answer) == pytest.approx(1, abs=1e-12)


def test_an_image_and_its_mirror_image_score_the_same(predictor: Predictor) -> None:
    image = np.random.default_rng(3).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    both = predictor.probabilities(np.concatenate([image, image[:, :, ::-1]]))
    assert np.abs(both[0] - both[1]).max() < 1e-4


def test_a_batch_answers_as_its_images_do(predictor: Predictor) -> None:
    images = np.random.default_rng(4).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    single = np.concatenate([predictor.probabilities(image[None]) for image in images])
    assert np.abs(predictor.probabilities(images) - single).max() < 1e-4


def test_lossless_formats_score_the_same(predictor: Predictor, png: bytes) -> None:
    image = Image.open(io.BytesIO(png))
    for kind, options in (("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})):
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        assert predictor.predict(buffer.getvalue()) == predictor.predict(png)


def test_threads_may_share_a_predictor(predictor: Predictor, png: bytes) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(predictor.predict, [png] * 16))
    assert answers == [predictor.predict(png)] * 16


def test_a_bad_image_is_a_typed_error(predictor: Predictor) -> None:
    with pytest.raises(UnreadableImageError, match="not an image"):
        predictor.predict(b"not an image")


def test_the_pixel_limit_is_an_argument(png: bytes) -> None:
    with pytest.raises(TooManyPixelsError, match="48 x 32 pixels, more than 1000"):
        Predictor(SHIPPED_MODEL, max_pixels=1000).predict(png)


@pytest.mark.parametrize("content", [None, b"", b"no protobuf", SHIPPED_MODEL.read_bytes()[:5000]])
def test_a_missing_or_damaged_model_is_named_in_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelFileError) as caught:
        Predictor(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_model_without_its_facts_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(SHIPPED_MODEL.read_bytes().replace(b"input_size", b"input_sizy"))
    with pytest.raises(ModelFileError, match="input_size"):
        Predictor(path)


def test_a_model_with_more_labels_than_answers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(SHIPPED_MODEL.read_bytes().replace(b"bicycle,motorcycle", b"bicycle,motor,cycl"))
    with pytest.raises(ModelFileError, match="3 labels"):
        Predictor(path)


class BrokenNetwork:
    """Stands in for the session of a network whose weights went wrong."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def run(self, _outputs: list[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        return [np.tile(np.array(self.values, np.float32), (len(inputs["image"]), 1))]


NOT_PROBABILITIES = [
    (np.nan, np.nan),
    (np.nan, 1.0),
    (np.inf, 0.0),
    (np.inf, -np.inf),
    (0.0, 0.0),
    (1.5, -0.5),
    (4.0, 1.0),
]


@pytest.mark.parametrize("values", NOT_PROBABILITIES)
def test_an_answer_that_is_not_probabilities_is_an_error(png: bytes, values: tuple[float, float]) -> None:
    broken = Predictor(SHIPPED_MODEL)
    broken._session = BrokenNetwork(*values)
    with pytest.raises(InvalidAnswerError, match=f"the model returned {values[0]:g}, {values[1]:g}, which"):
        broken.predict(png)


def test_a_model_whose_answer_to_a_blank_image_is_not_probabilities_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Predictor, "probabilities", lambda _self, images: np.array([[np.nan, 1]] * len(images), np.float32)
    )
    with pytest.raises(ModelFileError, match="the model returned nan, 1, which are not probabilities"):
        Predictor(SHIPPED_MODEL)
