"""Decode bytes to pixels with Pillow and libheif, and map their errors to this function's own."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from typing import cast

import pillow_heif
from PIL import (
    AvifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from serialize import jpeg, tiff
from serialize.budget import (
    BoundedFile,
    at_most,
    check_cost,
    check_memory,
    check_parts,
    check_pixels,
    heif_bytes,
)
from serialize.errors import CorruptImageError, ImageTooLargeError, RejectedImageError, UnsupportedImageError
from serialize.pixels import EIGHT_BITS, Raster, Region, Tones, white_of
from serialize.png import transparent, without_spoilers
from serialize.signature import check_tail
from serialize.tiff_directory import check_exif, check_tiff, orientation

# Imported so that Pillow does not load all of its plugins.
REGISTERED = (AvifImagePlugin, TiffImagePlugin, WebPImagePlugin)
Image.WARN_POSSIBLE_FORMATS = True  # otherwise the reason why a file could not be opened is lost
ImageFile.LOAD_TRUNCATED_IMAGES = False
AvifImagePlugin.DEFAULT_MAX_THREADS = 2  # Lambda has no more, and each thread's stack takes memory
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # the reason is part of our own error
# How decoders report an intact file that they do not support: Pillow's BMP, libavif, libheif.
UNSUPPORTED = re.compile(
    r"\bunsupported\b|not (?:implemented|supported)|Conversion from YUV failed", re.IGNORECASE
)
HEIF_DEEP = 8  # bits; above this, libheif uses twice the bytes


@dataclass(frozen=True, slots=True)
class Decoded:
    """
    A decoded image.

    Attributes
    ----------
    raster
        Its pixels; a JPEG may have been reduced to every second, fourth or eighth in each direction.
    size
        Width and height as stored in the file, before scaling and before the orientation is applied.
    scale
        `size` divided by the size of `raster`.
    orientation
        EXIF orientation that still has to be applied.
    tones
        Meaning of the values of pixels with more than eight bits.
    """

    raster: Raster
    size: tuple[int, int]
    scale: int = 1
    orientation: int = 1
    tones: Tones = EIGHT_BITS


@contextmanager
def decoding(kind: str, max_pixels: int) -> Iterator[None]:
    """
    Map every exception of a decoder to one of our errors, and keep its warnings out of the log.

    Raises
    ------
    ImageTooLargeError
        When Pillow's own guard against decompression bombs raises first.
    CorruptImageError
        For every other exception, with its reason and class.
    """
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            yield
        except RejectedImageError:
            raise
        except Image.DecompressionBombError as error:
            limit = max_pixels / 1e6
            reason = f"photo is over {2 * limit:.1f} megapixels; the limit is {limit:.1f}"
            raise ImageTooLargeError(reason) from error
        except UnidentifiedImageError as error:
            reason = one_line(heard[-1].message).removeprefix(f"{kind} opening failed. ") if heard else ""
            if UNSUPPORTED.search(reason):
                raise UnsupportedImageError(
                    f"this {kind} image is of a variant that is not accepted: {reason}"
                ) from error
            message = f"this {kind} image is damaged: {reason or 'its header cannot be read'}"
            raise CorruptImageError(message) from error
        except Exception as error:  # for damaged data Pillow raises a dozen types, not always the same one
            reason = one_line(error) or "no reason given"
            if UNSUPPORTED.search(reason):
                raise UnsupportedImageError(
                    f"this {kind} image is of a variant that is not accepted: {reason}"
                ) from error
            message = f"this {kind} image is damaged: {reason} ({type(error).__name__})"
            raise CorruptImageError(message) from error


def one_line(reason: object) -> str:
    """Format a decoder's message for display: one line of at most 200 printable characters."""
    shown = (character if character.isprintable() else " " for character in str(reason))
    return " ".join("".join(shown).split())[:200]


def decode(data: bytes, kind: str, short_side: int, max_pixels: int) -> Decoded:
    """
    Decode the first frame, after checking its pixel count and the memory that decoding needs.

    Parameters
    ----------
    data
        The file.
    kind
        Its format, from `signature.identify`.
    short_side
        The model's input size: a JPEG is decoded at a scale that leaves at least four times that.
    max_pixels
        Limit of width x height.

    Raises
    ------
    ImageTooLargeError, CorruptImageError
        See `decoding`.
    """
    Image.MAX_IMAGE_PIXELS = max_pixels
    with decoding(kind, max_pixels):
        if kind == "HEIF":
            heif = HeifRaster(data, max_pixels)
            check_tail(data, kind, heif.size[0] * heif.size[1])
            return Decoded(heif, heif.size)
        return _decode_with_pillow(data, kind, short_side, max_pixels)


def _decode_with_pillow(data: bytes, kind: str, short_side: int, max_pixels: int) -> Decoded:
    check_parts(data, kind)
    layout = stored = None
    if kind == "JPEG":
        layout = jpeg.layout(data)
        jpeg.check_frame(layout)
        data = jpeg.without_short_segments(data, layout)
    if kind == "TIFF":
        data = check_tiff(data)
        tiff.check_raw(data)
        stored = tiff.check_layout(data)
    if kind == "AVIF":
        check_exif(data)
    if kind == "PNG":
        data = without_spoilers(data)
    source = BytesIO(data) if kind == "BMP" else BoundedFile(data, kind)
    image = tiff.open_tiff(source, stored) if stored else Image.open(source, formats=[kind])
    size = image.size
    check_pixels(*size, max_pixels)
    check_tail(data, kind, size[0] * size[1])
    scale = 1
    if kind == "JPEG" and (drafted := image.draft(None, (4 * short_side, 4 * short_side))):
        scale = round(size[0] / drafted[1][2])
    needed = check_cost(data, kind, image, size, scale, layout)
    if layout and isinstance(image, JpegImagePlugin.JpegImageFile):
        jpeg.load(image, data, layout)
    else:
        # The frames of an AVIF may be larger than its header says.
        with at_most(needed) if kind == "AVIF" else nullcontext():
            image.load()
    if stored:  # Pillow applies the orientation itself
        return Decoded(image, image.size, tones=tiff.tones(image, stored))
    return _decoded(image, data, kind, size, scale)


def _decoded(image: Image.Image, data: bytes, kind: str, size: tuple[int, int], scale: int) -> Decoded:
    match kind:
        case "PNG":
            hidden = transparent(image, data)
            return Decoded(
                image, size, 1, orientation(image.info), Tones(white_of(image), transparent=hidden)
            )
        case "BMP" if image.mode == "RGBA" and image.getextrema()[-1] == (0, 0):
            image.putalpha(255)  # an alpha channel that was never filled in: a clipboard's, or Photoshop's
        case _:
            pass
    return Decoded(image, size, scale, orientation(image.info, exif_only=kind == "AVIF"))


class HeifRaster:
    """
    The primary image of a HEIF file, decoded to 8 bits and upright (libheif turns it).

    Its pixels are read straight from libheif's buffer: 48 megapixels, as phones write them, would not fit twice.

    Parameters
    ----------
    data
        The file.
    max_pixels
        Limit of width x height.

    Raises
    ------
    ImageTooLargeError
        Before decoding.
    ValueError, EOFError, SyntaxError, RuntimeError, OSError
        Raised by libheif for a damaged file.
    """

    def __init__(self, data: bytes, max_pixels: int) -> None:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        image = file[file.primary_index]
        self.mode: str = image.mode
        check_pixels(*image.size, max_pixels)
        needed = heif_bytes(
            image.size[0] * image.size[1],
            chroma=cast("int", image.info.get("chroma", 444)),
            deep=cast("int", image.info["bit_depth"]) > HEIF_DEEP,
            alpha=image.mode.lower().endswith("a"),
        )
        check_memory(needed + len(data), "HEIC images of this kind", *image.size)
        self._pixels, self._stride = memoryview(image.data), image.stride
        self.size: tuple[int, int] = image.size  # the size may have changed in decoding
        self._owner = image

    def crop(self, box: Region, /) -> Image.Image:
        """Copy a region whose left, top, right and bottom lie within the image."""
        left, top, right, bottom = box
        rows = self._pixels[top * self._stride : bottom * self._stride]
        band = Image.frombytes(self.mode, (self.size[0], bottom - top), rows, "raw", self.mode, self._stride)
        return band.crop((left, 0, right, bottom - top))
