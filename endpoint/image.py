"""Decode an image and cut a square from it. Training, evaluation and the endpoint all use this module."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageChops, UnidentifiedImageError

from endpoint.errors import TooManyPixelsError, UnreadableImageError

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PIXELS = 50_331_648  # as the template's MaxPixels
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
# JPEGs are decoded at no less than this multiple of the model's input, to keep detail for the resize
DRAFT_FACTOR = 4

_ORIENTATION_TAG = 0x0112
_ORIENTATIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BYTE_MAX, _WORD_MAX = 255, 65535
_PNG_DEPTH = 24  # offset in a PNG's header
_GREY_STEPS = {1: 255, 2: 85, 4: 17}  # factor by which Pillow scales grey levels of fewer bits


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded file.

    Attributes
    ----------
    image
        RGB, before the orientation is applied.
    size
        Width and height of the file's image in pixels; a JPEG may be decoded at a fraction of it.
    extent
        Width and height that the picture covers of `image`; less than all of it where a JPEG's reduction
        does not divide its size, and part of the last column or row lies outside the picture.
    orientation
        EXIF orientation, 1 to 8.
    """

    image: Image.Image
    size: tuple[int, int]
    extent: tuple[float, float]
    orientation: int


def read_square(data: bytes, size: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return the model's input for an image file: upright, RGB, `size` x `size`.

    Raises
    ------
    UnreadableImageError, TooManyPixelsError
        See `decode`.
    """
    decoded = decode(data, size, max_pixels)
    return upright(square(decoded.image, size, decoded.extent), decoded.orientation)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return the image turned as its EXIF orientation says."""
    method = _ORIENTATIONS.get(orientation)
    return image if method is None else image.transpose(method)


def square(image: Image.Image, size: int, extent: tuple[float, float] | None = None) -> Image.Image:
    """Return the centred square of the image, resized to `size`; an image of that size as it is.

    The box is centred to a fraction of a pixel and resized in one step, so an image already shrunk with the
    same filter gives the same result as the original.
    """
    if image.size == (size, size):
        return image
    width, height = extent or image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    return image.resize((size, size), Image.Resampling.LANCZOS, box=(left, top, left + side, top + side))


def decode(
    data: bytes, size: int, max_pixels: int = MAX_PIXELS, formats: tuple[str, ...] = FORMATS
) -> Decoded:
    """Decode the first frame to RGB, alpha on white; a large JPEG at a reduced scale.

    Parameters
    ----------
    data
        The file's bytes; only they determine the format.
    size
        The model's input size, which limits how far a JPEG may be reduced.
    max_pixels
        Limit that is checked before any pixel is decoded.
    formats
        Pillow's names of the formats that are accepted; those that a plugin brings must be registered.

    Raises
    ------
    UnreadableImageError
        The bytes are not an image, or a damaged one, or its format is not accepted.
    TooManyPixelsError
        The header announces more than `max_pixels`.
    """
    with _decoder_errors(formats), Image.open(io.BytesIO(data), formats=formats) as image:
        if image.width * image.height > max_pixels:
            raise TooManyPixelsError(
                f"the image has {image.width} x {image.height} pixels, more than {max_pixels}"
            )
        full_size = image.size
        drafted = image.draft(None, (DRAFT_FACTOR * size, DRAFT_FACTOR * size))
        image.load()
        _settle_alpha(image, data)
        extent = drafted[1][2:] if drafted else full_size
        return Decoded(_rgb(image), full_size, extent, _orientation(image))


@contextlib.contextmanager
def _decoder_errors(formats: tuple[str, ...]) -> Iterator[None]:
    try:
        yield
    except (TooManyPixelsError, UnreadableImageError):
        raise
    except Image.DecompressionBombError as error:
        raise TooManyPixelsError("the image has far too many pixels") from error
    except UnidentifiedImageError as error:
        raise UnreadableImageError(f"not an image in a known format ({', '.join(formats)})") from error
    except MemoryError:
        raise
    except Exception as error:  # damaged bytes raise anything from struct.error to SyntaxError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UnreadableImageError(f"the image cannot be decoded: {reason}") from error


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation; 1 (upright) where there is none or the EXIF block is broken."""
    with contextlib.suppress(Exception):
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    return 1


def _settle_alpha(image: Image.Image, data: bytes) -> None:
    """Scale a PNG's transparent colour to the pixels' range, and drop a BMP's unused alpha channel."""
    key = image.info.get("transparency")
    if image.format == "PNG" and isinstance(key, int) and image.mode == "L":
        depth = data[_PNG_DEPTH]
        image.info["transparency"] = (key & ((1 << depth) - 1)) * _GREY_STEPS.get(depth, 1)
    if image.format == "PNG" and isinstance(key, tuple):
        image.info["transparency"] = tuple(value >> (data[_PNG_DEPTH] - 8) & _BYTE_MAX for value in key)
    if image.format == "BMP" and image.mode == "RGBA" and image.getextrema()[-1] == (0, 0):
        image.putalpha(_BYTE_MAX)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        grey = _eight_bit(image)
        hidden = image.info.get("transparency") if image.format == "PNG" else None
        return (_without_value(grey, image, hidden) if isinstance(hidden, int) else grey).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _without_value(grey: Image.Image, deep: Image.Image, hidden: int) -> Image.Image:
    """Replace this one value of a deep image by white."""
    values = deep.convert("F")
    above = values.point(lambda value: value * _BYTE_MAX + -_BYTE_MAX * float(hidden)).convert("L")
    below = values.point(lambda value: value * -_BYTE_MAX + _BYTE_MAX * float(hidden)).convert("L")
    return ImageChops.lighter(grey, ImageChops.invert(ImageChops.lighter(above, below)))


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale deep grey to 0..255 by the range that its values imply: 1, 8 bits, 16 bits or their own maximum."""
    deep = image.convert("F")
    highest = float(deep.getextrema()[1])  # type: ignore[arg-type]  # one band, so two floats
    whole: float
    if image.mode.startswith("I;16"):
        whole = _WORD_MAX
    elif image.mode == "F" and highest <= 1:
        whole = 1
    else:
        whole = next((limit for limit in (_BYTE_MAX, _WORD_MAX) if highest <= limit), highest)
    return deep.point(lambda value: value * (_BYTE_MAX / whole) + 0.0).convert("L")
