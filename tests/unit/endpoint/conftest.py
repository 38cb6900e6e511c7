"""The shipped model, loaded once, and images to send to it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from endpoint.predictor import SHIPPED_MODEL, Predictor


@pytest.fixture(scope="session")
def predictor() -> Predictor:
    return Predictor(SHIPPED_MODEL)


@pytest.fixture(scope="session")
def scene() -> Image.Image:
    """Draw structure at every scale, unlike noise, and different on every side."""
    y, x = np.mgrid[0:300, 0:400] / 100
    bands = [np.sin(3 * x + band) + np.cos(2 * y * x - band) + y / 3 for band in range(3)]
    pixels = np.clip(np.stack(bands, -1) * 50 + 110, 0, 255)
    return Image.fromarray(pixels.astype(np.uint8))


@pytest.fixture(scope="session")
def png(scene: Image.Image) -> bytes:
    buffer = io.BytesIO()
    scene.resize((48, 32)).save(buffer, "PNG")
    return buffer.getvalue()
