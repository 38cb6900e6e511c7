"""A drawn image to ask an endpoint with: a PNG written here, because the command has no image library."""

import struct
import zlib
from typing import Final

CONTENT_TYPE: Final = "image/png"
SIDE: Final = 32
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_EIGHT_BITS, _RGB = 8, 2


def draw_probe() -> bytes:
    """Return a grey sky over a road with two dark wheels, 32 by 32 pixels: about what a model sees of a vehicle."""
    rows = b"".join(b"\0" + bytes(value for x in range(SIDE) for value in _colour(x, y)) for y in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, _EIGHT_BITS, _RGB, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _colour(x: int, y: int) -> tuple[int, int, int]:
    for centre in (8, 23):
        distance = (x - centre) ** 2 + (y - 21) ** 2
        if 20 <= distance <= 36:  # noqa: PLR2004  the tyre
            return 25, 25, 28
    if abs(y - 13) <= 1 and 8 <= x <= 23:  # noqa: PLR2004  the frame
        return 178, 30, 35
    grey = 225 - y if y < 22 else 140  # noqa: PLR2004  the horizon
    return grey, grey, grey + 6


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
