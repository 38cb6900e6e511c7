"""An image shrunk by the Serialize function scores as the whole image does."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from serialize.image import serialize_image

if TYPE_CHECKING:
    from endpoint.predictor import Predictor

ROOT = Path(__file__).parents[3]
PHOTOS = Path(os.environ.get("SCONES_TEST_DATA", ROOT.parent / "shared" / "data")) / "photos"
TOLERANCE = 0.02
SIZES = [
    (32, 32),
    (33, 32),
    (32, 33),
    (47, 32),
    (40, 200),
    (20, 31),
    (64, 64),
    (101, 57),
    (640, 427),
    (499, 1201),
]


def serialized(paths: list[Path], size: int) -> list[bytes]:
    """Return each file as the Serialize function hands it on."""
    images = (serialize_image(path.read_bytes(), size, 50_000_000) for path in paths)
    return [base64.b64decode(image["image_data"]) for image in images]


def worst_difference(predictor: Predictor, paths: list[Path]) -> tuple[float, str]:
    """Return the largest difference of a probability between the file and what Serialize makes of it."""
    differences = [
        (
            float(np.abs(np.subtract(predictor.predict(path.read_bytes()), predictor.predict(small))).max()),
            str(path),
        )
        for path, small in zip(paths, serialized(paths, predictor.picture_size), strict=True)
    ]
    return max(differences)


def scene(width: int, height: int, seed: int) -> Image.Image:
    """Draw blobs, edges and a little grain: enough for the model to have an opinion."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
    pixels = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    rings = 60 * np.sign(np.sin(40 * np.hypot(x - rng.random(), y - rng.random())))
    grain = rng.integers(-9, 10, pixels.shape, dtype=np.int8)
    return Image.fromarray(
        np.clip(pixels + rings[..., None].astype(np.int16) + grain, 0, 255).astype(np.uint8)
    )


def test_drawn_images_of_many_sizes(predictor: Predictor, tmp_path: Path) -> None:
    paths = []
    for number, (width, height) in enumerate([*SIZES, (2001, 1333)]):
        for kind in ("png", "jpg"):
            path = tmp_path / f"{width}x{height}.{kind}"
            scene(width, height, number).save(path)
            paths.append(path)
    difference, name = worst_difference(predictor, paths)
    assert difference <= TOLERANCE, name


def test_images_that_need_preparing(predictor: Predictor, tmp_path: Path) -> None:
    image = scene(301, 200, 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    image.convert("CMYK").save(tmp_path / "cmyk.jpg")
    image.convert("P").save(tmp_path / "palette.gif")
    image.save(tmp_path / "photo.webp", lossless=True)
    Image.merge("RGBA", (*image.split(), image.convert("L"))).save(tmp_path / "alpha.png")
    deep = (np.asarray(image.convert("L"), np.uint16) * 257).astype("<u2")
    whole = Image.frombytes("I;16", image.size, deep.tobytes())
    whole.save(tmp_path / "deep.png")
    whole.save(tmp_path / "deep-transparent.png", transparency=int(deep[0, 0]))
    few = image.convert("L").quantize(16).convert("L").point(lambda value: value & 0xF0)
    few.save(tmp_path / "transparent.png", transparency=few.getpixel((0, 0)))
    upright = Image.Exif()
    upright[0x0112] = 1
    image.save(
        tmp_path / "upright.jpg", exif=upright, xmp=b'<x:xmpmeta><r tiff:Orientation="6"/></x:xmpmeta>'
    )
    difference, name = worst_difference(predictor, sorted(tmp_path.iterdir()))
    assert difference <= TOLERANCE, name


@pytest.mark.skipif(not PHOTOS.is_dir(), reason=f"no photographs at {PHOTOS}; set SCONES_TEST_DATA")
def test_photographs(predictor: Predictor) -> None:
    paths = sorted(path for path in PHOTOS.glob("*/*") if path.is_file())
    difference, name = worst_difference(predictor, paths)
    assert difference <= TOLERANCE, name


def test_a_serialized_image_is_what_the_model_sees(predictor: Predictor, tmp_path: Path) -> None:
    path = tmp_path / "square.png"
    scene(400, 400, 7).save(path)
    (small,) = serialized([path], predictor.picture_size)
    assert Image.open(io.BytesIO(small)).size == (predictor.picture_size, predictor.picture_size)
