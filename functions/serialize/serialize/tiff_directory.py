"""A bounded reader of TIFF directories, which EXIF blocks are as well.

Pillow reads every value of a directory at once: a hostile one of 64 KB expands to gigabytes.
This module reads only the few numbers that are needed.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Literal, NamedTuple

from serialize.errors import CorruptImageError, ImageTooLargeError, UnsupportedImageError

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8}
WHOLE = {3, 4, 8, 9, 13, 16}  # types that can hold an offset or an orientation
ORIENTATION = 0x0112
UNREAD = b"\xfd\xfd"  # a private tag, the same in both byte orders
EXIF, GPS, INTEROP = 0x8769, 0x8825, 0xA005  # each value is the offset of another directory
BLOCK_OFFSETS = {273, 324}  # StripOffsets, TileOffsets
MAX_BLOCKS = 65_536
MAX_ENTRIES = 65_535  # the most that the classic format can count
MAX_WEIGHT = 500_000  # three transfer functions and the strips of the largest image weigh less
WEIGHTS = {
    1: 0,
    2: 0,
    7: 0,
    5: 8,
    10: 8,
}  # per value, otherwise 1: bytes stay bytes, a fraction becomes an object
BIG_TIFF = 43
# What Pillow accepts as the header of a TIFF; it reads the last one as a classic TIFF.
STARTS = (b"II*\x00", b"MM\x00*", b"MM*\x00", b"II\x00*", b"II+\x00", b"MM\x00+")
MAX_STARTS = 1000  # in one file; random data contain none
XMP_ORIENTATION = re.compile(r"tiff:Orientation(?:\s*=\s*[\"']|>)\s*([1-8])")


class Entry(NamedTuple):
    """
    One entry of a directory.

    Attributes
    ----------
    tag, kind, values
        As in the file: tag, type and number of values.
    number
        Its value when it is a single integer; otherwise meaningless.
    at
        Offset of its tag in the file.
    inline
        Bytes of its value, or their offset.
    """

    tag: int
    kind: int
    values: int
    number: int
    at: int
    inline: bytes

    @property
    def size(self) -> int:
        """Bytes of all values, which may be stored elsewhere."""
        return self.values * SIZES.get(self.kind, 0)

    @property
    def weight(self) -> int:
        """Number of Python objects that Pillow would create for them."""
        return self.values * WEIGHTS.get(self.kind, 1) if self.kind in SIZES else 0


def entries(data: bytes | memoryview, start: int | None = None) -> Iterator[Entry]:
    """
    Iterate over the directory at `start`, or the first one; yields at most one entry beyond the limit.

    Raises
    ------
    struct.error
        When the directory ends early.
    """
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    sign = "<" if order == "little" else ">"
    big = struct.unpack_from(sign + "H", data, 2)[0] == BIG_TIFF
    head, count, entry = ("8xQ", "Q", "HHQ8s") if big else ("4xI", "H", "HHI4s")
    offset = struct.unpack_from(sign + head, data)[0] if start is None else start
    (number,) = struct.unpack_from(sign + count, data, offset)
    offset += struct.calcsize(sign + count)
    step = struct.calcsize(sign + entry)
    for at in range(offset, offset + min(number, MAX_ENTRIES + 1) * step, step):
        tag, kind, values, inline = struct.unpack_from(sign + entry, data, at)
        yield Entry(tag, kind, values, int.from_bytes(inline[: SIZES.get(kind, 0)], order), at, inline)


def numbers(data: bytes, entry: Entry, limit: int = 16) -> tuple[int, ...]:
    """Read the first integers of an entry; fewer when the file ends earlier."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    size, count = SIZES.get(entry.kind, 0), min(entry.values, limit)
    if entry.kind not in {*WHOLE, 1} or not size:
        return ()
    where = int.from_bytes(entry.inline, order)
    raw = entry.inline if entry.size <= len(entry.inline) else data[where : where + size * count]
    return tuple(
        int.from_bytes(raw[at : at + size], order) for at in range(0, min(len(raw), size * count), size)
    )


def text(data: bytes, entry: Entry, limit: int = 40) -> str:
    """Read the text of an entry, up to 40 characters."""
    where = int.from_bytes(entry.inline, "little" if data[:2] == b"II" else "big")
    raw = entry.inline if entry.size <= len(entry.inline) else data[where : where + min(limit, entry.size)]
    return raw.split(b"\x00")[0].decode("ascii", "replace")


def check_tiff(data: bytes) -> bytes:
    """
    Reject a TIFF whose first directory claims more data than the file holds, or too many values or strips.

    Returns
    -------
    bytes
        The file, without its EXIF and GPS entries if their directories cannot be read in time: no pixel depends on
        them.

    Raises
    ------
    UnsupportedImageError, CorruptImageError, ImageTooLargeError
        With the reason.
    """
    if data.startswith(b"MM\x00+"):
        raise UnsupportedImageError("this TIFF image is a big-endian BigTIFF, which is not accepted")
    try:
        found = list(entries(data))
    except (struct.error, OverflowError) as error:
        raise CorruptImageError("this TIFF image is damaged: its directory is truncated") from error
    if sum(entry.size for entry in found) > len(data):
        raise CorruptImageError("this TIFF image is damaged: its directory claims more than the file holds")
    blocks = max((entry.values for entry in found if entry.tag in BLOCK_OFFSETS), default=0)
    if blocks > MAX_BLOCKS:
        raise ImageTooLargeError(f"this TIFF image has {blocks} strips or tiles; the limit is {MAX_BLOCKS}")
    _check_weight(iter(found))
    try:
        _check_weight(_unfolded(data, found))
    except ImageTooLargeError:
        return _without(data, [entry for entry in found if entry.tag in {EXIF, GPS}])
    return data


def _without(data: bytes, found: list[Entry]) -> bytes:
    """Replace the entries' tags by one that no reader uses. Tags are unordered then, which readers only warn about."""
    changed = bytearray(data)
    for entry in found:
        changed[entry.at : entry.at + 2] = UNREAD
    return bytes(changed)


def check_exif(data: bytes) -> None:
    """
    Reject a file of which any part, read as EXIF, would expand to too many values.

    Raises
    ------
    ImageTooLargeError
        With the reason.
    """
    _check_weight(entry for block in _blocks(data) for entry in _unfolded(block, _readable(block)))


def _check_weight(found: Iterable[Entry]) -> None:
    weight = 0
    for number, entry in enumerate(found):
        weight += entry.weight
        if number >= MAX_ENTRIES or weight > MAX_WEIGHT:
            raise ImageTooLargeError("this image has more metadata than can be read in time")


def _unfolded(
    data: bytes | memoryview, found: list[Entry], follow: tuple[int, ...] = (EXIF, GPS)
) -> Iterator[Entry]:
    """Iterate over a directory and those that Pillow reads with it; of entries with the same tag, the first counts."""
    yield from found
    starts = {
        entry.tag: entry.number for entry in reversed(found) if entry.kind in WHOLE and entry.values == 1
    }
    for tag in follow:
        if tag in starts:
            yield from _unfolded(data, _readable(data, starts[tag]), (INTEROP,) if tag == EXIF else ())


def _readable(data: bytes | memoryview, start: int | None = None) -> list[Entry]:
    """List the readable entries of a directory whose end may be missing: Pillow accepts that too."""
    found: list[Entry] = []
    with suppress(struct.error, OverflowError):
        found.extend(entries(data, start))
    return found


def _blocks(data: bytes) -> Iterator[memoryview]:
    number = 0
    for start in STARTS:
        at = data.find(start)
        while at >= 0:
            number += 1
            if number > MAX_STARTS:
                raise ImageTooLargeError(f"this image has more than {MAX_STARTS} blocks of EXIF")
            block = memoryview(data)[at:]
            yield memoryview(b"MM\x00*" + block[4:]) if start == STARTS[-1] else block
            at = data.find(start, at + 1)


def exif_orientation(exif: bytes) -> int | None:
    """Find the orientation in an EXIF block; None when it has none or is broken, 1 when its value is invalid."""
    exif = exif.removeprefix(b"Exif\x00\x00")
    if exif[:2] not in {b"II", b"MM"}:
        return None
    try:
        found = next((entry for entry in entries(exif) if entry.tag == ORIENTATION), None)
    except (struct.error, OverflowError):
        return None
    if found is None:
        return None
    return found.number if found.kind in WHOLE and 1 <= found.number <= 8 else 1  # noqa: PLR2004 - EXIF's


def orientation(info: dict[str | tuple[int, int], object], *, exif_only: bool = False) -> int:
    """
    Find the orientation in Pillow's metadata: EXIF, else ImageMagick's text form of it, else XMP.

    The first that has one decides. Programs that rotate a photo set EXIF to 1, and many leave XMP unchanged.

    Parameters
    ----------
    exif_only
        For AVIF, whose container holds the orientation: Pillow reports it as EXIF.

    Returns
    -------
    int
        1 (upright) to 8, as EXIF numbers them.
    """
    found = None
    if isinstance(exif := info.get("exif"), bytes):
        found = exif_orientation(exif)
    if exif_only or found:
        return found or 1
    if isinstance(text := info.get("Raw profile type exif"), str):
        with suppress(ValueError):
            found = exif_orientation(bytes.fromhex("".join(text.split("\n")[3:])))
    return found or _xmp_orientation(info) or 1


def _xmp_orientation(info: dict[str | tuple[int, int], object]) -> int | None:
    xmp = info.get("XML:com.adobe.xmp") or info.get("xmp") or ""
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    match = XMP_ORIENTATION.search(text)
    return int(match[1]) if match else None
