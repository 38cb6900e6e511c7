"""PNG: remove chunks outside the picture that would make Pillow reject it; scale the transparent colour."""

import zlib

from PIL import Image

from serialize.errors import CorruptImageError

MAX_CHUNKS = 250_000  # no more chunks than this are read
SIGNATURE = 8  # bytes
ANCILLARY = 0x20  # set in the first letter of chunks that a reader may skip
# Never needed here: colour is not corrected, and print size and modification time do not matter.
UNUSED = {
    b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"cICP", b"mDCV", b"cLLI", b"sBIT", b"pHYs", b"tIME", b"bKGD", b"hIST", b"sPLT",
}  # fmt: skip
DEPTH = 24  # offset in the header
GREY_DEPTHS = {1: 255, 2: 85, 4: 17}  # factor by which Pillow scales grey levels
WORD_BITS = 16


def without_spoilers(png: bytes) -> bytes:
    """
    Remove chunks that are not needed, and optional chunks with a bad checksum.

    Pillow rejects the picture because of them; libpng, used by browsers, skips them.

    Raises
    ------
    CorruptImageError
        When a checksum of pixel data is wrong: Pillow verifies only the last one, and often stops before it.
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
    Scale a decoded PNG's transparent colour to the range that Pillow gave its pixels.

    Returns
    -------
    int | None
        The colour itself for deep pixels, whose transparency Pillow does not apply.
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
