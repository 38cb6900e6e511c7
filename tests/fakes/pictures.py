"""Images drawn by the tests; no files are stored or loaded."""

from io import BytesIO
from random import Random
from statistics import NormalDist
from typing import Any

import pillow_heif
from PIL import Image, ImageChops, ImageDraw

pillow_heif.register_heif_opener()  # to write HEIC; the tested code reads HEIC without it

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 40)
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF")
TURNED_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def quarters(width: int = 160, height: int = 120) -> Image.Image:
    """Red and green above blue and yellow: every rotation looks different."""
    image = Image.new("RGB", (width, height), RED)
    draw = ImageDraw.Draw(image)
    draw.rectangle((width // 2, 0, width, height // 2 - 1), fill=GREEN)
    draw.rectangle((0, height // 2, width // 2 - 1, height), fill=BLUE)
    draw.rectangle((width // 2, height // 2, width, height), fill=YELLOW)
    return image


def grain(width: int, height: int, spread: float, seed: int = 0) -> Image.Image:
    """Grey noise around 128, the same in every run, as `Image.effect_noise` is not; spread is a standard deviation."""
    levels = NormalDist(128, spread)
    normal = [min(255, max(0, round(levels.inv_cdf((value + 0.5) / 256)))) for value in range(256)]
    even = Random(seed).randbytes(width * height)  # noqa: S311 (a picture)
    return Image.frombytes("L", (width, height), even).point(normal)


def coloured_grain(width: int, height: int, spread: float) -> Image.Image:
    """Noise in three independent colours."""
    return Image.merge("RGB", [grain(width, height, spread, seed) for seed in range(3)])


def scene(width: int, height: int) -> Image.Image:
    """Something with gradients, edges and grain, like a photo."""
    red = Image.radial_gradient("L").resize((width, height))
    green = Image.linear_gradient("L").resize((width, height))
    image = Image.merge("RGB", (red, green, grain(width, height, 40)))
    draw = ImageDraw.Draw(image)
    for share in range(1, 8):
        draw.ellipse(
            [width * share / 20, height * share / 18, width * share / 9, height * share / 8],
            outline=BLUE,
            width=5,
        )
        draw.line([width * share / 9, 0, width - width * share / 7, height], fill=YELLOW, width=1 + share)
    return image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colours in the middle of each quarter, by row."""
    width, height = image.size
    spots = [(x, y) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [image.getpixel(spot) for spot in spots]  # type: ignore[misc]  # RGB


def largest_difference(left: Image.Image, right: Image.Image) -> int:
    """The largest difference in any colour of any pixel, 0 to 255."""
    return max(ImageChops.difference(left, right).tobytes())


def alike(left: tuple[int, ...], right: tuple[int, ...], tolerance: int = 25) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(left, right, strict=True))
