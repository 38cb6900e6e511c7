"""JPEG: how a file is laid out, and a decoding that notices what libjpeg only warns about.

libjpeg fills with grey what a scan lacks, skips what is left of it, and Pillow drops both warnings. Here the
decoder gets the data of each scan, or of each part between two restart markers, up to the last byte and no further.
If it asks for more then, or has stopped asking before, the data are not those of the picture. A second decoding
would tell the same at twice the time.
"""

import re
from math import ceil
from typing import NamedTuple, cast

from PIL import Image, JpegImagePlugin

from serialize.errors import CorruptImageError, ImageTooLargeError, UnsupportedImageError

MAX_SEGMENTS = 4096  # 25 MB are 400 of the largest
MAX_PARTS = 1024  # between restart markers; of more, each holds so little that a lost one hardly shows
# A marker with a length behind it, or the end: not an escaped byte, a restart or a fill byte.
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
RESTART = re.compile(rb"\xff([\xd0-\xd7])")
RESTARTS = 8  # they are numbered from 0 to 7, and again
SCAN, END, RESTART_INTERVAL, COMMENT = 0xDA, 0xD9, 0xDD, 0xFE
PROGRESSIVE, ARITHMETIC = {0xC2, 0xCA}, {0xC9, 0xCA}
DECODED = {0xC0, 0xC1, 0xC2, *ARITHMETIC}
FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
LOSSLESS_LS = 0xF7  # of JPEG-LS, which shares the signature
PRECISION = 8  # bits of a colour
BLOCK = 64  # coefficients
# Segments that Pillow reads further than they may reach: (marker, what they start with, bytes it takes for granted).
SHORT = ((0xE0, b"JFIF", 7), (0xE2, b"ICC_PROFILE\x00", 14))
FILL = 0xFF  # a marker may have any number of them before it (ITU-T T.81, B.1.1.2)
LEFT_OVER = (
    16  # bytes at the end of a scan that nothing needs; of 368 photos at hand none has more than three
)
PROBES = 3  # bytes one by one: it asks for eight at a time, so it does not take the second without a third
# Ones mean nothing in any Huffman table. The decoder looks eight bytes beyond what it needs.
ONES = b"\xff\x00"
LOOKAHEAD, ASKED_AGAIN = 8, 6
TRUNCATED = "this JPEG image is damaged: image file is truncated, or a part of it is missing"
SURPLUS = "this JPEG image is damaged: its data do not fit its size, as when a part was overwritten"


class Scan(NamedTuple):
    """
    One pass over the picture.

    Attributes
    ----------
    start, end
        Its coded data lie between them.
    header
        Its components, and which of their coefficients it brings.
    interval
        Units between two restart markers; 0 when there are none.
    """

    start: int
    end: int
    header: bytes
    interval: int

    @property
    def components(self) -> bytes:
        """Identifiers of the components."""
        return self.header[1 : 1 + 2 * self.header[0] : 2] if self.header else b""


class Layout(NamedTuple):
    """
    The parts of a JPEG up to its end: what follows are other images.

    Attributes
    ----------
    frame
        Marker of its kind; 0 when there is none.
    header
        Depth, height, width and components.
    scans
        In their order.
    short
        Where markers stand of segments that are too short for what they claim to be.
    """

    frame: int
    header: bytes
    scans: list[Scan]
    short: list[int]

    def components(self) -> dict[int, tuple[int, int]]:
        """Return the sampling factors, horizontal and vertical, by identifier."""
        found = (self.header[at : at + 3] for at in range(6, len(self.header) - 2, 3))
        return {identifier: (factors >> 4, factors & 15) for identifier, factors, _ in found}

    def units(self, scan: Scan) -> int:
        """Count the units of a scan: blocks of its only component, else groups of blocks of all."""
        height, width = int.from_bytes(self.header[1:3]), int.from_bytes(self.header[3:5])
        sampling = self.components()
        across, down = (max(factor[axis] for factor in sampling.values()) for axis in (0, 1))
        if len(scan.components) > 1:
            return ceil(width / (8 * across)) * ceil(height / (8 * down))
        own = sampling[scan.components[0]]
        return ceil(ceil(width * own[0] / across) / 8) * ceil(ceil(height * own[1] / down) / 8)


def layout(data: bytes) -> Layout:
    """
    Read from a JPEG's markers how it is laid out.

    Raises
    ------
    ImageTooLargeError
        When there are more than 4096 segments.
    """
    frame, frame_header, interval = 0, b"", 0
    scans: list[Scan] = []
    short: list[int] = []
    at = 2
    for _ in range(MAX_SEGMENTS + 1):
        found = MARKER.search(data, at)
        if scans and scans[-1].end < 0:
            scans[-1] = scans[-1]._replace(end=found.start() if found else len(data.rstrip(b"\xff")))
        if not found or found[1][0] == END:
            return Layout(frame, frame_header, scans, short)
        marker, at = found[1][0], found.end()
        length = int.from_bytes(data[at : at + 2])
        content = data[at + 2 : at + length]
        at += length
        if marker == SCAN:
            scans.append(Scan(at, -1, content, interval))
        elif marker == RESTART_INTERVAL:
            interval = int.from_bytes(content[:2])
        elif marker in DECODED or marker in FRAMES or marker == LOSSLESS_LS:
            frame, frame_header = frame or marker, frame_header or content
        elif any(
            marker == kind and content.startswith(start) and len(content) < least
            for kind, start, least in SHORT
        ):
            short.append(found.start(1))
    raise ImageTooLargeError(f"this JPEG image has more than {MAX_SEGMENTS} segments")


def check_frame(found: Layout) -> None:
    """
    Refuse the kinds of JPEG that Pillow cannot decode.

    Raises
    ------
    UnsupportedImageError
        Naming the kind.
    """
    if found.frame == LOSSLESS_LS:
        raise UnsupportedImageError("photo is a JPEG-LS image, which is not accepted")
    if found.frame in FRAMES:
        raise UnsupportedImageError(f"photo is a {FRAMES[found.frame]} JPEG image, which is not accepted")
    if found.frame and found.header and (depth := found.header[0]) in range(PRECISION + 1, 17):
        raise UnsupportedImageError(
            f"photo is a JPEG image of {depth} bits a colour; the limit is {PRECISION}"
        )


def without_short_segments(data: bytes, found: Layout) -> bytes:
    """Make comments of segments that Pillow would refuse the picture for."""
    if not found.short:
        return data
    changed = bytearray(data)
    for at in found.short:
        changed[at] = COMMENT
    return bytes(changed)


class _Decoder:
    """Pillow's decoder, fed by hand."""

    def __init__(self, image: JpegImagePlugin.JpegImageFile) -> None:
        ((name, extents, _, arguments),) = image.tile
        self._decoder = Image._getdecoder(  # noqa: SLF001 - as ImageFile.load does
            image.mode, name, cast("tuple[object, ...]", arguments), image.decoderconfig
        )
        self._decoder.setimage(image.im, extents)
        self.finished = False

    def feed(self, data: bytes | memoryview) -> int:
        """Return how many bytes were taken; the others are wanted again, with more behind them."""
        if self.finished:
            return len(data)
        taken, error = self._decoder.decode(data)
        if taken >= 0:
            return int(taken)
        if error < 0:
            raise CorruptImageError("this JPEG image is damaged: broken data stream when reading image file")
        self.finished = True
        return len(data)

    def feed_part(self, data: memoryview, at: int, start: int, end: int) -> None:
        """
        Feed from `at` to the end of a part that starts at `start`, and see that it was neither too short nor too long.

        Raises
        ------
        CorruptImageError
            When it was.
        """
        while end > start and data[end - 1] == FILL:
            end -= 1
        near = max(start, end - LEFT_OVER)
        asked = near == start
        for stop in (*range(near, min(near + PROBES, end)), end):
            at += self.feed(data[at:stop])
            asked = asked or _asks(data[at:stop])
        if not asked:
            raise CorruptImageError(SURPLUS)
        rest = bytes(data[at:end]) + ONES * LOOKAHEAD
        for _ in range(ASKED_AGAIN):
            rest = rest[self.feed(rest) :]
            if _asks(rest):
                raise CorruptImageError(TRUNCATED)
            rest += ONES

    def close(self) -> None:
        """Free what it holds."""
        self._decoder.cleanup()


def _asks(rest: bytes | memoryview) -> bool:
    """Tell a decoder that wants more of its part from one that looks for a marker, which holds on to a 0xFF only."""
    return len(rest) > 1 or (len(rest) == 1 and rest[0] != 0xFF)  # noqa: PLR2004


def load(image: JpegImagePlugin.JpegImageFile, data: bytes, found: Layout) -> None:
    """
    Decode an opened JPEG. Its end marker may be missing, of its pictures' data nothing may.

    Raises
    ------
    CorruptImageError
        When a scan has too few data or too many, or is missing.
    """
    if found.frame in ARITHMETIC:  # that decoder takes all or nothing
        image.load()
        return
    _check_scans(found)
    image.load_prepare()
    decoder = _Decoder(image)
    view = memoryview(data)
    try:
        at = 0
        for scan in found.scans:
            for start, end in _parts(data, scan, found):
                decoder.feed_part(view, at, start, end)
                at = end
        decoder.feed(b"\xff\xd9")
    finally:
        decoder.close()
    if not decoder.finished:
        raise CorruptImageError(TRUNCATED)
    image.tile = []
    image.load_end()


def _parts(data: bytes, scan: Scan, found: Layout) -> list[tuple[int, int]]:
    """Cut a scan at its restart markers, of which each must be there."""
    if not scan.interval:
        return [(scan.start, scan.end)]
    markers = list(RESTART.finditer(data, scan.start, scan.end))
    numbers = [marker[1][0] - 0xD0 for marker in markers]
    if numbers != [number % RESTARTS for number in range(ceil(found.units(scan) / scan.interval) - 1)]:
        raise CorruptImageError(TRUNCATED)
    if len(markers) >= MAX_PARTS:
        return [(scan.start, scan.end)]
    starts = [scan.start, *(marker.end() for marker in markers)]
    return list(zip(starts, [*(marker.start() for marker in markers), scan.end], strict=True))


def _check_scans(found: Layout) -> None:
    """See that the scans together bring every coefficient to its last bit: those at the end may be missing."""
    left = dict.fromkeys(found.components(), [False] * BLOCK)
    for scan in found.scans:
        first, last, bits = scan.header[1 + 2 * scan.header[0] :][:3] if scan.header else (0, 0, 0)
        progressive = found.frame in PROGRESSIVE
        whole = range(first, last + 1) if progressive else range(BLOCK)
        if not progressive or bits & 15 == 0:
            for identifier in scan.components:
                seen = left.get(identifier, [])
                left[identifier] = [known or number in whole for number, known in enumerate(seen)]
    if not all(all(seen) for seen in left.values()):
        raise CorruptImageError(TRUNCATED)
