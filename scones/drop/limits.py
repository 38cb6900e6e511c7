"""What a stack would reject for its size, said before it is uploaded: by the parameters of the stack itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Self

from scones.stack import Stack

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG's start-of-frame markers; those left out are tables and an extension (ITU T.81, table B.1)."""
_START_OF_SCAN: Final = 0xDA
_SEGMENTS: Final = 1000
_MOST_DECIMALS: Final = 6


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """The largest file and the largest image that a stack reads."""

    max_bytes: int
    max_pixels: int

    @classmethod
    def of_stack(cls, stack: Stack) -> Self:
        """Read the parameters of a deployed stack."""
        return cls(stack.number("MaxObjectBytes"), stack.number("MaxPixels"))

    def refusal(self, path: Path) -> str | None:
        """Say why a file would be rejected for its size; None where it would not, or where that is not certain."""
        try:
            size = path.stat().st_size
            if size == 0:
                return "not uploaded: the file is empty"
            if size > self.max_bytes:
                found, limit = _apart(size / 1e6, self.max_bytes / 1e6)
                return f"not uploaded: file is {found} MB; the stack's limit is {limit} MB"
            with path.open("rb") as file:
                pixels = _pixels(file)
        except OSError:
            return None  # the upload meets it again, and says so
        if pixels > self.max_pixels:
            found, limit = _apart(pixels / 1e6, self.max_pixels / 1e6)
            return f"not uploaded: photo is {found} megapixels; the stack's limit is {limit}"
        return None


def _apart(found: float, limit: float) -> tuple[str, str]:
    """Write two numbers with one decimal, or as many as it takes to see which is larger."""
    for decimals in range(1, _MOST_DECIMALS):
        written = f"{found:.{decimals}f}", f"{limit:.{decimals}f}"
        if written[0] != written[1]:
            return written
    return f"{found:.{_MOST_DECIMALS}f}", f"{limit:.{_MOST_DECIMALS}f}"


def _pixels(file: BinaryIO) -> int:
    """Return the pixels that a PNG's or a JPEG's header states; 0 for all else, where only a decoder knows."""
    start = file.read(24)
    if start.startswith(_PNG) and start[12:16] == b"IHDR":
        return int.from_bytes(start[16:20]) * int.from_bytes(start[20:24])
    if start.startswith(_JPEG):
        file.seek(len(_JPEG))
        for marker, length in _segments(file):
            if marker in _FRAMES and len(frame := file.read(5)) == 5:  # noqa: PLR2004  precision, height, width
                return int.from_bytes(frame[1:3]) * int.from_bytes(frame[3:5])
            file.seek(length, 1)
    return 0


def _segments(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Yield marker and length of each segment before the scan; the file then stands at the segment's content."""
    for _ in range(_SEGMENTS):
        head = file.read(4)
        while head[:2] == b"\xff\xff":  # fill bytes
            head = head[1:] + file.read(1)
        length = int.from_bytes(head[2:4]) - 2
        if len(head) < 4 or head[0] != 0xFF or head[1] == _START_OF_SCAN or length < 0:  # noqa: PLR2004
            return
        yield head[1], length
