"""A finished file can be trained further. Skips where PyTorch is not installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip(
    "torch", reason="PyTorch is not installed: training has an environment of its own"
)

from endpoint.predictor import SHIPPED_MODEL, Predictor  # noqa: E402
from tests.fakes.models import stated  # noqa: E402
from training.learning.export import Served  # noqa: E402
from training.learning.restore import RestoreError, restore  # noqa: E402

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def images() -> np.ndarray:
    coarse = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2)


def test_the_restored_network_answers_as_its_file_does(images: np.ndarray) -> None:
    trained = restore(SHIPPED_MODEL, images)
    with torch.inference_mode():
        answers = Served(trained).eval()(torch.from_numpy(images)).numpy()
    shipped = Predictor(SHIPPED_MODEL)
    expected = shipped.probabilities(images)
    # The file has rounded to 8 bits, which the temperature multiplies: compared as before it was applied.
    assert shipped.temperature
    restored, served = (before_temperature(one, shipped.temperature) for one in (answers, expected))
    assert np.abs(restored - served).mean() < 0.01
    assert trained.labels == ("bicycle", "motorcycle")


def before_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    known = probabilities.clip(1e-6, 1 - 1e-6)
    return np.asarray(1 / (1 + (1 / known - 1) ** temperature))


def test_its_statistics_are_those_of_the_images_so_that_training_starts_where_it_ended(
    images: np.ndarray,
) -> None:
    served = Served(restore(SHIPPED_MODEL, images)).train()
    block = served.network.body[0]
    x = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        y = block.conv1(
            torch.relu(
                block.eval().norm1(served.network.stem((x - served.network.mean) / served.network.std))
            )
        )
        assert torch.allclose(block.norm2.train()(y), block.norm2.eval()(y), atol=0.02)


def test_another_network_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    content = SHIPPED_MODEL.read_bytes().replace(b"network.head.bias", b"network.tail.bias")
    (tmp_path / "other.onnx").write_bytes(content)
    with pytest.raises(RestoreError, match=r"other.onnx: not a network of training.train"):
        restore(tmp_path / "other.onnx", images)
    assert stated(tmp_path / "same.onnx", labels="a,b").exists()
    assert restore(tmp_path / "same.onnx", images).labels == ("a", "b")
