"""Files whose end was lost and filled with zeros, as a broken download or disk leaves them.

PNG has checksums, GIF and compressed TIFF run out of data. The decoders of WebP, AVIF and HEIC make a picture of
zeros without a word. Of BMP and plain TIFF nobody can tell: zeros are black there.
"""

import re

from errors import CorruptImageError

LEAST = 64  # bytes: coded data look random, so that this many zeros at their end are no chance
PIXELS_PER_ZERO = 4096  # of one colour, from top to bottom: WebP was seen to need 10,000
LARGEST_EXIF = 65_536  # bytes; it may lie behind the picture, with room left in it
WEBP_PICTURE = re.compile(rb"VP8[ L]")
CONTAINER = 12  # bytes in front of WebP's first chunk
MAX_BOXES = 1000


def check_tail(data: bytes, kind: str, pixels: int) -> None:
    """
    Refuse a WebP, AVIF or HEIC whose picture ends in zeros.

    Raises
    ------
    CorruptImageError
        With how many.
    """
    match kind:
        case "WEBP":
            start, end = _webp(data)
            least = LEAST
        case "AVIF" | "HEIF":
            start, end = _box(data)
            least = LARGEST_EXIF if b"Exif" in data[:start] else LEAST
        case _:
            return
    coded = memoryview(data)[start:end]
    zeros = (
        len(coded)
        - len(bytes(coded[-2 * LARGEST_EXIF :]).rstrip(b"\x00"))
        - max(0, len(coded) - 2 * LARGEST_EXIF)
    )
    if zeros >= least + pixels // PIXELS_PER_ZERO:
        raise CorruptImageError(
            f"this {kind} image is damaged: its data end in {zeros} zeros or more, as after a transfer that failed"
        )


def _webp(data: bytes) -> tuple[int, int]:
    """Find the data of a WebP's picture that is not animated."""
    at = CONTAINER
    for _ in range(MAX_BOXES):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if WEBP_PICTURE.match(data, at):
            return at + 8, at + 8 + size
        if at >= len(data):
            break
        at += 8 + size + size % 2
    return 0, 0


def _box(data: bytes) -> tuple[int, int]:
    """Find the box of coded data."""
    at = 0
    for _ in range(MAX_BOXES):
        size, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        head = 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16]), 16
        if kind == b"mdat":
            return at + head, (at + size if size else len(data))
        if size < head or at >= len(data):
            break
        at += size
    return 0, 0
