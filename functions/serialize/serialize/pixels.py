"""Convert any pixels to 8-bit RGB on white.

Colour profiles are not applied: the model was trained on values as stored, and the predictor reads them so.
"""

from dataclasses import dataclass
from math import ceil
from typing import Protocol, cast

from PIL import Image, ImageChops, ImageMath

from serialize.errors import UnsupportedImageError

type Region = tuple[int, int, int, int]

DEEP = ("I", "F")  # and every I;16
CONVERTIBLE = {"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"}
BAND_PIXELS = 2_000_000
BYTE, WORD = 255, 65_535
HUGE = 1e38


@dataclass(frozen=True, slots=True)
class Tones:
    """
    Meaning of the values of pixels with more than eight bits.

    Attributes
    ----------
    white
        Value that is white.
    inverted
        That value is black instead, and 0 is white.
    transparent
        Value of transparent pixels.
    """

    white: float = 255
    inverted: bool = False
    transparent: int | None = None


EIGHT_BITS = Tones()


class Raster(Protocol):
    """Decoded pixels, regions of which can be copied as a Pillow image."""

    @property
    def mode(self) -> str:
        """Pillow's name of the pixel layout."""

    def crop(self, box: Region, /) -> Image.Image:
        """Copy a region."""


def reduced_rgb(raster: Raster, region: Region, factor: int, tones: Tones) -> Image.Image:
    """
    Convert a region to RGB and average `factor` x `factor` pixels into one, in bands: no full-size copy is made.

    Parameters
    ----------
    region
        Left, top, right, bottom in whole pixels.
    tones
        Meaning of the values of deep pixels; see `white_of`.

    Returns
    -------
    Image.Image
        Mode RGB, ceil(region / factor) pixels.
    """
    left, top, right, bottom = region
    result = Image.new("RGB", (ceil((right - left) / factor), ceil((bottom - top) / factor)))
    rows = max(1, BAND_PIXELS // (right - left) // factor) * factor
    for y in range(top, bottom, rows):
        band = to_rgb(raster.crop((left, y, right, min(y + rows, bottom))), tones)
        result.paste(band.reduce(factor) if factor > 1 else band, (0, (y - top) // factor))
    return result


def to_rgb(image: Image.Image, tones: Tones) -> Image.Image:
    """
    Convert to RGB; what is transparent becomes white.

    Raises
    ------
    UnsupportedImageError
        For a colour model without a defined conversion, such as LAB.
    """
    if is_deep(image.mode):
        return _grey(image, tones).convert("RGB")
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode not in CONVERTIBLE:
        raise UnsupportedImageError(f"photo has the pixel format {image.mode}, which is not accepted")
    return image.convert("RGB")


def is_deep(mode: str) -> bool:
    """Whether a mode has one channel of more than eight bits."""
    return mode in DEEP or mode.startswith("I;16")


def white_of(image: Image.Image, bits: int = 16) -> float:
    """
    Choose the value that represents white in a deep image, as the predictor does.

    Unsigned integers use their full range by definition. Signed ones are taken as 8 or 16 bits, whichever holds
    them; beyond that, the brightest value is white. Floats are 0..1 by definition, with highlights above, unless
    that would make most non-black pixels white: then they are treated as integers.

    Parameters
    ----------
    image
        Decoded.
    bits
        Bits of its unsigned integers.
    """
    if image.mode not in DEEP:
        return float(2**bits - 1)
    if image.mode == "I":
        _, highest = cast("tuple[float, float]", image.getextrema())
    else:
        lit, above, highest = _brightness(image)
        if 2 * above <= lit:
            return 1
    return next((limit for limit in (BYTE, WORD) if highest <= limit), highest)


def _brightness(image: Image.Image) -> tuple[int, int, float]:
    """Count pixels of mode F that are not black, and those above 1, and find the highest value that is a number."""
    lit = above = 0
    highest = 0.0
    rows = max(1, BAND_PIXELS // image.width)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        counts = band.point(lambda value: value * BYTE + 0.0).convert("L").histogram()
        lit += sum(counts[1:])
        # One less than the next number above 1, so that 1 itself is not above.
        over = band.point(lambda value: value * 1e9 + -1.0000002e9).convert("L")
        above += over.histogram()[BYTE]
        if over.getbbox():
            highest = max(highest, _highest(band))
    return lit, above, highest


def _highest(band: Image.Image) -> float:
    # Infinity times 0 is NaN, and the maximum of NaN and 0 is 0 here.
    known = ImageMath.lambda_eval(lambda args: args["max"](args["a"] * (args["a"] < HUGE), 0.0), a=band)
    return cast("tuple[float, float]", known.getextrema())[1]


def _grey(image: Image.Image, tones: Tones) -> Image.Image:
    scale = BYTE / tones.white
    deep = image.convert("F")
    if tones.inverted:
        grey = deep.point(lambda value: value * -scale + float(BYTE)).convert("L")
    else:
        grey = deep.point(lambda value: value * scale + 0.0).convert("L")
    if (hidden := tones.transparent) is not None:
        above = deep.point(lambda value: value * BYTE + -BYTE * float(hidden)).convert("L")
        below = deep.point(lambda value: value * -BYTE + BYTE * float(hidden)).convert("L")
        others = ImageChops.lighter(above, below)
        grey = ImageChops.lighter(grey, ImageChops.invert(others))
    return grey


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "La":
        image = image.convert("LA")
    rgba = image.convert("RGBA")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba.convert("RGB"), mask=rgba.getchannel("A"))
    return white
