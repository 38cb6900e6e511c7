"""Statistics of an image that do not depend on its class."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from endpoint.image import read_square

if TYPE_CHECKING:
    from collections.abc import Mapping

WHITE = 255
UNITS: Mapping[str, str] = {
    "brightness": "0 black, 1 white",
    "contrast": "0 flat, 0.5 half black half white",
    "width": "pixels",
    "height": "pixels",
    "sent_bytes": "bytes sent to the endpoint",
    "object_bytes": "bytes of the uploaded object",
}


def image_statistics(data: bytes, input_size: int) -> dict[str, float]:
    """Return brightness, contrast, width and height of an image file.

    Brightness is the mean and contrast the standard deviation of luma (ITU-R BT.601, 0 to 1) over the square
    that the model sees, so they do not depend on how large an image was sent. (The deviation as a measure of
    contrast: Peli, "Contrast in complex images", 1990.)

    Raises
    ------
    ImageError
        The image cannot be decoded; the endpoint rejects it too.
    """
    luma = np.asarray(read_square(data, input_size).convert("L"), np.float64) / WHITE
    with Image.open(io.BytesIO(data)) as image:
        width, height = image.size
    return {"brightness": float(luma.mean()), "contrast": float(luma.std()), "width": width, "height": height}
