"""Compare what Pillow found in a header with the budget, before anything is decoded."""

from math import prod

from PIL import Image, TiffImagePlugin

import budget
from errors import ImageTooLargeError
from jpeg import Layout

ORIENTATION, BITS_PER_SAMPLE, ROWS_PER_STRIP, TILE_WIDTH, TILE_LENGTH = 274, 258, 278, 322, 323
BMP_COMPRESSION = slice(30, 34)
BMP_RLE = {1, 2}
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the colour type in the header


def check_cost(
    data: bytes, kind: str, image: Image.Image, size: tuple[int, int], scale: int, jpeg: Layout | None
) -> float:
    """
    Refuse an image that would take its decoder too much memory or time.

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
        What a JPEG is reduced by while it is decoded.
    jpeg
        How it is laid out, when it is one.

    Returns
    -------
    float
        Bytes that its decoder takes, by the header.

    Raises
    ------
    ImageTooLargeError
        With the reason.
    """
    pixels = prod(size)
    match kind:
        case "JPEG" if jpeg:
            needed = _jpeg(jpeg, image, pixels, scale)
        case "WEBP":
            needed = budget.webp_bytes(pixels)
        case "AVIF":
            needed = budget.avif_bytes(pixels, alpha="A" in image.mode)
        case "TIFF" if isinstance(image, TiffImagePlugin.TiffImageFile):
            needed = _tiff(image, size)
        case "BMP" if int.from_bytes(data[BMP_COMPRESSION], "little") in BMP_RLE:
            if len(data) > budget.MAX_BMP_RLE_BYTES:
                raise ImageTooLargeError("this BMP image is run-length encoded; the limit for those is 2 MB")
            needed = 3 * pixels
        case "PNG":
            budget.check_png_work(pixels * PNG_CHANNELS.get(data[25], 4) * data[24] / 8, *size)
            needed = budget.pixel_bytes(image.mode) * pixels
        case _:
            needed = budget.pixel_bytes(image.mode) * pixels
    needed += len(data)
    budget.check_memory(needed, f"{kind} of its kind", *size)
    return needed


def _jpeg(found: Layout, image: Image.Image, pixels: int, scale: int) -> float:
    components, scans = len(image.getbands()), len(found.scans)
    if scans > budget.MAX_JPEG_SCANS:
        raise ImageTooLargeError(f"this JPEG image has {scans} scans; the limit is {budget.MAX_JPEG_SCANS}")
    parted = bool(found.scans) and len(found.scans[0].components) < components
    several = parted or bool(image.info.get("progressive"))
    return budget.jpeg_bytes(pixels, components, several_scans=several, scale=scale)


def _tiff(image: TiffImagePlugin.TiffImageFile, size: tuple[int, int]) -> float:
    width, height = size
    tags = image.tag_v2
    bits = tags.get(BITS_PER_SAMPLE, (1,))
    rows = min(tags.get(ROWS_PER_STRIP, height), height)
    tiled = TILE_WIDTH in tags and TILE_LENGTH in tags
    block = tags[TILE_WIDTH] * tags[TILE_LENGTH] if tiled else width * rows
    return budget.tiff_bytes(
        budget.pixel_bytes(image.mode) * width * height,
        max(4, (sum(bits) + 7) // 8) * block,
        turned=tags.get(ORIENTATION, 1) != 1,
    )
