"""Limits on the memory and time of decoding, checked before decoding and enforced during it.

Each number was measured with files of 12 to 50 megapixels; a test repeats the measurement.
"""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from math import prod
from pathlib import Path

from PIL import Image, TiffImagePlugin

from serialize.errors import ImageTooLargeError
from serialize.jpeg import Layout

MIB = 1024 * 1024
# Of 512 MB, Python, boto3 and the decoders themselves take about 100; bands and the result take some more.
DECODER_BYTES = 370 * MIB
MOST_DECIMALS = 6  # of a number in millions: bytes and pixels are whole numbers
MAX_SIDE = 65_535  # pixels; also limits the row buffers that a hostile header can request
MAX_JPEG_SCANS = 64  # each scan passes over the whole image again; encoders write about ten
MAX_PNG_BYTES = 300_000_000  # uncompressed: two seconds with the slowest filter
MAX_BMP_RLE_BYTES = 2 * MIB  # decoded in Python, byte by byte

BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
# By chroma: (8 bits, more than 8). Measured at 12 to 33 megapixels: 5.0, 8.5, 9.5, and 8.0, 13.5, 15.6.
HEIF_BYTES_PER_PIXEL = {400: (5.0, 10.0), 420: (5.0, 10.0), 422: (9.5, 14.5), 444: (10.5, 16.5)}

ORIENTATION, BITS_PER_SAMPLE, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 274, 258, 278, 322, 323
BMP_COMPRESSION = slice(30, 34)
BMP_RLE = {1, 2}
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type in the header

SPARE_BYTES = 96 * MIB  # thread stacks and the allocators' reserves
STATUS = Path("/proc/self/status")

MAX_READS = 250_000  # an eighth of a second; a PNG of 25 MB with chunks of 1 KB takes 100,000
# Blocks that cost Pillow more than reading: (first bytes, limit, name in messages).
COSTLY = {
    "JPEG": (b"Exif\x00\x00", 16, "blocks of EXIF"),  # each is appended to a copy of the previous ones
    "PNG": (b"iCCP", 8, "colour profiles"),  # each is decompressed, to as much as a megabyte
}


def check_cost(
    data: bytes, kind: str, image: Image.Image, size: tuple[int, int], scale: int, jpeg: Layout | None
) -> float:
    """
    Reject an image whose decoding would need too much memory or time.

    Parameters
    ----------
    data
        The file.
    kind
        Its format, from `signature.identify`.
    image
        Opened, not loaded.
    size
        Its width and height before `scale`.
    scale
        Factor by which a JPEG is reduced during decoding.
    jpeg
        Its structure, for a JPEG.

    Returns
    -------
    float
        Bytes that its decoder needs, estimated from the header.

    Raises
    ------
    ImageTooLargeError
        With the reason.
    """
    pixels = prod(size)
    match kind:
        case "JPEG" if jpeg:
            needed = _jpeg_needs(jpeg, image, pixels, scale)
        case "WEBP":
            needed = webp_bytes(pixels)
        case "AVIF":
            needed = avif_bytes(pixels, alpha="A" in image.mode)
        case "TIFF" if isinstance(image, TiffImagePlugin.TiffImageFile):
            needed = _tiff_needs(image, size)
        case "BMP" if int.from_bytes(data[BMP_COMPRESSION], "little") in BMP_RLE:
            if len(data) > MAX_BMP_RLE_BYTES:
                raise ImageTooLargeError(
                    "this BMP image is run-length encoded; the limit for such files is 2 MB"
                )
            needed = 3 * pixels
        case "PNG":
            check_png_work(pixels * PNG_CHANNELS.get(data[25], 4) * data[24] / 8, *size)
            needed = pixel_bytes(image.mode) * pixels
        case _:
            needed = pixel_bytes(image.mode) * pixels
    needed += len(data)
    check_memory(needed, f"{kind} images of this kind", *size)
    return needed


def _jpeg_needs(found: Layout, image: Image.Image, pixels: int, scale: int) -> float:
    components, scans = len(image.getbands()), len(found.scans)
    if scans > MAX_JPEG_SCANS:
        raise ImageTooLargeError(f"this JPEG image has {scans} scans; the limit is {MAX_JPEG_SCANS}")
    parted = bool(found.scans) and len(found.scans[0].components) < components
    several = parted or bool(image.info.get("progressive"))
    return jpeg_bytes(pixels, components, several_scans=several, scale=scale)


def _tiff_needs(image: TiffImagePlugin.TiffImageFile, size: tuple[int, int]) -> float:
    width, height = size
    tags = image.tag_v2
    bits = tags.get(BITS_PER_SAMPLE, (1,))
    rows = min(tags.get(ROWS_PER_STRIP, height), height)
    tiled = TILE_WIDTH in tags and TILE_LENGTH in tags
    block = tags[TILE_WIDTH] * tags[TILE_LENGTH] if tiled else width * rows
    return tiff_bytes(
        pixel_bytes(image.mode) * width * height,
        max(4, (sum(bits) + 7) // 8) * block,
        turned=tags.get(ORIENTATION, 1) != 1,
    )


def apart(found: float, limit: float) -> tuple[str, str]:
    """Format two numbers with one decimal, or with as many as it takes to show which is larger."""
    for decimals in range(1, MOST_DECIMALS):
        written = f"{found:.{decimals}f}", f"{limit:.{decimals}f}"
        if written[0] != written[1]:
            return written
    return f"{found:.{MOST_DECIMALS}f}", f"{limit:.{MOST_DECIMALS}f}"


def check_pixels(width: int, height: int, max_pixels: int) -> None:
    """
    Reject an image with more than `max_pixels` pixels or a side longer than 65535.

    Raises
    ------
    ImageTooLargeError
        With both numbers.
    """
    if width * height > max_pixels:
        found, limit = apart(width * height / 1e6, max_pixels / 1e6)
        raise ImageTooLargeError(f"photo is {found} megapixels; the limit is {limit}")
    if max(width, height) > MAX_SIDE:
        raise ImageTooLargeError(f"photo is {width} x {height} pixels; the limit for a side is {MAX_SIDE}")


def check_memory(needed: float, what: str, width: int, height: int) -> None:
    """
    Reject an image whose decoder would need more bytes than the function has.

    Parameters
    ----------
    needed
        Estimate of the decoder's peak in bytes, the file included.
    what
        The kind of image, for the message.

    Raises
    ------
    ImageTooLargeError
        With the largest size of this kind that would pass.
    """
    _check(needed / DECODER_BYTES, f"{what}, set by the memory that decoding needs", width, height)


def check_png_work(raw_bytes: float, width: int, height: int) -> None:
    """
    Reject a PNG with more row data than can be decompressed and unfiltered in the function's time.

    Raises
    ------
    ImageTooLargeError
        With the largest size of this kind that would pass.
    """
    _check(
        raw_bytes / MAX_PNG_BYTES,
        "PNG images of this depth, set by the time that decoding takes",
        width,
        height,
    )


def _check(share: float, what: str, width: int, height: int) -> None:
    if share > 1:
        megapixels = width * height / 1e6
        found, limit = apart(megapixels, megapixels / share)
        raise ImageTooLargeError(f"photo is {found} megapixels; the limit is {limit} for {what}")


def pixel_bytes(mode: str) -> int:
    """Bytes that one pixel of a Pillow mode occupies."""
    return BYTES_PER_PIXEL.get(mode, 4)


def jpeg_bytes(pixels: int, components: int, *, several_scans: bool, scale: int) -> float:
    """Estimate libjpeg's memory: with several scans, all coefficients (2 bytes each) are held at once."""
    return (2 * components * pixels if several_scans else 0) + 4 * pixels / scale**2


def webp_bytes(pixels: int) -> float:
    """Estimate the memory of libwebp's animation decoder: two canvases, a copy as bytes and Pillow's image."""
    return 16.5 * pixels


def avif_bytes(pixels: int, *, alpha: bool) -> float:
    """Estimate libavif's memory in the worst case, 4:4:4 with more than 8 bits: the header does not say which it is."""
    return (20 if alpha else 16) * pixels


def heif_bytes(pixels: int, *, chroma: int, deep: bool, alpha: bool) -> float:
    """Estimate libheif's memory: coded planes, converted planes and interleaved pixels; measured by chroma format."""
    shallow, with_ten_bits = HEIF_BYTES_PER_PIXEL.get(chroma, HEIF_BYTES_PER_PIXEL[444])
    return (with_ten_bits + (8 if alpha else 0) if deep else shallow + (4 if alpha else 0)) * pixels


def tiff_bytes(image_bytes: int, block_bytes: int, *, turned: bool) -> float:
    """Estimate libtiff's memory: Pillow's image, twice when it has to be rotated, and one strip or tile."""
    return image_bytes * (2 if turned else 1) + block_bytes


@contextmanager
def at_most(more: float) -> Iterator[None]:
    """
    Make allocations fail beyond the process's present size plus `more` bytes plus a small reserve.

    This limits a decoder that decodes more than the file's header announced. Memory that the process already holds is
    not limited, also where it is unused. Without /proc, which Lambda always has, there is no limit.
    """
    if not STATUS.exists():
        yield
        return
    held = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    limit = int(held.split()[1]) * 1024 + int(more) + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)


class BoundedFile(BytesIO):
    """
    A file that can be read at most 250,000 times.

    Pillow iterates over segments, chunks and blocks in Python, without a limit on their number.

    Parameters
    ----------
    data
        The file.
    kind
        Its format, for the message.

    Raises
    ------
    ImageTooLargeError
        On the first read beyond the limit.
    """

    def __init__(self, data: bytes, kind: str) -> None:
        super().__init__(data)
        self._kind, self._left = kind, MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read like any binary file."""
        self._left -= 1
        if self._left < 0:
            raise ImageTooLargeError(
                f"this {self._kind} image consists of too many small parts to be read in time"
            )
        return super().read(size)


def check_parts(data: bytes, kind: str) -> None:
    """
    Reject a file with too many of the blocks in `COSTLY`.

    Raises
    ------
    ImageTooLargeError
        With the number.
    """
    start, limit, name = COSTLY.get(kind, (b"", 0, ""))
    if start and (found := data.count(start)) > limit:
        raise ImageTooLargeError(f"this {kind} image has {found} {name}; the limit is {limit}")
