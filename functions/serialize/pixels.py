"""Any pixels to 8-bit RGB on white.

Colour profiles are not applied: the model was trained on values as stored, and the predictor reads them so.
"""

from collections.abc import Callable
from math import ceil, isfinite
from typing import Protocol

from PIL import Image

from errors import UnsupportedImageError

type Region = tuple[int, int, int, int]

DEEP = ("I", "F")  # and every I;16
CONVERTIBLE = {"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"}
BAND_PIXELS = 2_000_000
BYTE, WORD = 255, 65_535


class Raster(Protocol):
    """Decoded pixels of which parts can be had as a Pillow image."""

    @property
    def mode(self) -> str:
        """Pillow's name of the pixel layout."""

    def crop(self, box: Region, /) -> Image.Image:
        """Copy a part."""


def reduced_rgb(raster: Raster, region: Region, factor: int, white: float) -> Image.Image:
    """
    Bring a region to RGB and average `factor` x `factor` pixels into one, in bands: no full-size copy exists.

    Parameters
    ----------
    region
        Left, top, right, bottom in whole pixels.
    white
        Value that is white where pixels are deep; see `white_of`.

    Returns
    -------
    Image.Image
        Mode RGB, ceil(region / factor) pixels.
    """
    left, top, right, bottom = region
    result = Image.new("RGB", (ceil((right - left) / factor), ceil((bottom - top) / factor)))
    rows = max(1, BAND_PIXELS // (right - left) // factor) * factor
    for y in range(top, bottom, rows):
        band = to_rgb(raster.crop((left, y, right, min(y + rows, bottom))), white)
        result.paste(band.reduce(factor) if factor > 1 else band, (0, (y - top) // factor))
    return result


def to_rgb(image: Image.Image, white: float) -> Image.Image:
    """
    Convert to RGB; what is transparent becomes white.

    Raises
    ------
    UnsupportedImageError
        For a colour model without a defined conversion, such as LAB.
    """
    if is_deep(image.mode):
        scale = BYTE / white
        return image.convert("F").point(lambda value: value * scale + 0.0).convert("L").convert("RGB")
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode not in CONVERTIBLE:
        raise UnsupportedImageError(f"photo has pixels of the kind {image.mode}, which is not accepted")
    return image.convert("RGB")


def is_deep(mode: str) -> bool:
    """Tell whether a mode has one channel of more than eight bits."""
    return mode in DEEP or mode.startswith("I;16")


def white_of(mode: str, extrema: Callable[[], tuple[float, float]]) -> float:
    """
    Choose the value that stands for white in a deep image, as the predictor does.

    16-bit integers are full scale by definition. Other integers are taken as 8 or 16 bits and floats as 0..1,
    8 or 16 bits, whichever holds them; beyond, the brightest value is white.

    Parameters
    ----------
    extrema
        Called, for modes I and F only, for the smallest and the largest value.
    """
    if mode not in DEEP:
        return WORD
    highest = extrema()[1]
    if mode == "F" and highest <= 1:
        return 1
    if not isfinite(highest):
        return BYTE
    return next((limit for limit in (BYTE, WORD) if highest <= limit), highest)


def _on_white(image: Image.Image) -> Image.Image:
    key = image.info.get("transparency")
    if image.mode == "RGB" and isinstance(key, tuple) and max(key) > BYTE:
        image.info["transparency"] = tuple(value >> 8 for value in key)  # of a 16-bit PNG
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
    return white
