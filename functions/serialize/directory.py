"""A bounded look into a TIFF directory, which EXIF is as well.

Pillow reads every value of a directory at once: a hostile one of 64 KB unfolds to gigabytes.
This reads the few numbers that are needed.
"""

import re
import struct
from collections.abc import Iterator

from errors import CorruptImageError, ImageTooLargeError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8}
SHORT = 3
ORIENTATION = 0x0112
BLOCK_OFFSETS = {273, 324}  # StripOffsets, TileOffsets
MAX_BLOCKS = 65_536
BIG_TIFF = 43
XMP_ORIENTATION = re.compile(r"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])")


def entries(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """
    Walk the first directory.

    Yields
    ------
    tuple[int, int, int, bytes]
        Tag, number of values, bytes of the values (which may lie elsewhere), and the inline bytes.

    Raises
    ------
    struct.error
        When the directory ends early.
    """
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == BIG_TIFF
    head, count, entry = ("8xQ", "Q", "HHQ8s") if big else ("4xI", "H", "HHI4s")
    (offset,) = struct.unpack_from(order + head, data)
    (number,) = struct.unpack_from(order + count, data, offset)
    offset += struct.calcsize(order + count)
    step = struct.calcsize(order + entry)
    for at in range(offset, offset + number * step, step):
        tag, kind, values, inline = struct.unpack_from(order + entry, data, at)
        if tag == ORIENTATION and kind == SHORT:
            inline = inline[:2] if order == ">" else inline[1::-1]
        yield tag, values, values * SIZES.get(kind, 0), inline


def check_tiff(data: bytes) -> None:
    """
    Refuse a TIFF whose directory would unfold to more than the file holds, or to too many strips.

    Raises
    ------
    CorruptImageError, ImageTooLargeError
        With the reason.
    """
    try:
        found = list(entries(data))
    except (struct.error, OverflowError) as error:
        raise CorruptImageError("this TIFF image is damaged: its directory is cut off") from error
    if sum(size for _, _, size, _ in found) > len(data):
        raise CorruptImageError("this TIFF image is damaged: its directory claims more than the file holds")
    blocks = max((values for tag, values, _, _ in found if tag in BLOCK_OFFSETS), default=0)
    if blocks > MAX_BLOCKS:
        raise ImageTooLargeError(f"this TIFF image has {blocks} strips or tiles; the limit is {MAX_BLOCKS}")


def exif_orientation(exif: bytes) -> int:
    """Find the orientation, 1 to 8, in an EXIF block; 1 when it is missing or the block is broken."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    if exif[:2] not in {b"II", b"MM"}:
        return 1
    try:
        found = next((int.from_bytes(inline) for tag, _, _, inline in entries(exif) if tag == ORIENTATION), 1)
    except (struct.error, OverflowError):
        return 1
    return found if 1 <= found <= 8 else 1  # noqa: PLR2004 - EXIF's own numbers


def orientation(info: dict[str | tuple[int, int], object]) -> int:
    """
    Find the orientation in what Pillow collected: EXIF, else ImageMagick's text form of it, else XMP.

    Returns
    -------
    int
        1 (upright) to 8, as EXIF numbers them.
    """
    exif = info.get("exif")
    if isinstance(exif, bytes):
        if (found := exif_orientation(exif)) != 1:
            return found
    elif isinstance(text := info.get("Raw profile type exif"), str):
        try:
            return exif_orientation(bytes.fromhex("".join(text.split("\n")[3:])))
        except ValueError:
            return 1
    xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or ""
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    match = XMP_ORIENTATION.search(text)
    return int(match[1]) if match else 1
