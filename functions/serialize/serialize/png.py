"""PNG: what Pillow would refuse a picture for although it lies beside it, and the transparent colour."""

import zlib

from PIL import Image

from serialize.errors import CorruptImageError

MAX_CHUNKS = 250_000  # as many as are read at all
SIGNATURE = 8  # bytes
ANCILLARY = 0x20  # set in the first letter of what a reader may skip
# Never needed here: colour is not corrected, and neither size in print nor the time of a change matters.
UNUSED = {
    b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"pHYs", b"tIME", b"bKGD", b"hIST", b"sPLT",
}  # fmt: skip
DEPTH = 24  # where the header has it
GREY_DEPTHS = {1: 255, 2: 85, 4: 17}  # what Pillow multiplies shades by
WORD_BITS = 16


def without_spoilers(png: bytes) -> bytes:
    """
    Leave out chunks that are not needed, and those that may be skipped and have a bad checksum.

    Pillow refuses the picture for either, and libpng, as in browsers, skips them.

    Raises
    ------
    CorruptImageError
        When a checksum of pixels is wrong: Pillow looks only at one behind them, and often stops before it.
    """
    kept = [png[:SIGNATURE]]
    at = start = SIGNATURE
    for _ in range(MAX_CHUNKS):
        kind, end = png[at + 4 : at + 8], at + 12 + int.from_bytes(png[at : at + 4])
        if kind in {b"IEND", b""}:
            break
        if kind == b"IDAT" and end <= len(png) and _is_damaged(png[at + 4 : end]):
            raise CorruptImageError("this PNG image is damaged: broken PNG file (bad checksum of pixels)")
        if kind in UNUSED or (kind[0] & ANCILLARY and _is_damaged(png[at + 4 : end])):
            kept.append(png[start:at])
            start = end
        at = end
    return b"".join((*kept, png[start:])) if len(kept) > 1 else png


def _is_damaged(chunk: bytes) -> bool:
    return zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:])


def transparent(image: Image.Image, png: bytes) -> int | None:
    """
    Make a decoded PNG's transparent colour one of the values that Pillow brought its pixels to.

    Returns
    -------
    int | None
        The colour itself where pixels are deep, which Pillow leaves to us.
    """
    key, depth = image.info.get("transparency"), png[DEPTH]
    if isinstance(key, tuple):
        shift = depth - 8
        image.info["transparency"] = tuple(value >> shift & 0xFF for value in key)
    elif isinstance(key, int) and image.mode == "L":
        image.info["transparency"] = (key & (1 << depth) - 1) * GREY_DEPTHS.get(depth, 1)
    elif isinstance(key, int) and image.mode.startswith("I"):
        return key
    return None
