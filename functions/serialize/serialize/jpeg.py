"""JPEG: parse a file's structure, and decode it with errors for damage that libjpeg only warns about.

libjpeg fills missing data of a scan with grey and skips surplus data; Pillow drops both warnings. Here the decoder
gets exactly the data of one scan, or of one part between two restart markers. If it then asks for more, or stops
before the end, the data do not belong to the picture. Decoding twice would detect the same in twice the time.
"""

import re
from math import ceil
from typing import NamedTuple, cast

from PIL import Image, JpegImagePlugin

from serialize.errors import CorruptImageError, ImageTooLargeError, UnsupportedImageError

MAX_SEGMENTS = 4096  # 25 MB are 400 of the largest
# Between restart markers; where there are more, each is so small that losing one is hardly visible.
MAX_PARTS = 1024
# A marker followed by a length, or the end marker: not an escaped byte, a restart or a fill byte.
MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd8\xff])")
RESTART = re.compile(rb"\xff([\xd0-\xd7])")
RESTARTS = 8  # numbered 0 to 7, repeatedly
SCAN, END, RESTART_INTERVAL, COMMENT = 0xDA, 0xD9, 0xDD, 0xFE
PROGRESSIVE, ARITHMETIC = {0xC2, 0xCA}, {0xC9, 0xCA}
DECODED = {0xC0, 0xC1, 0xC2, *ARITHMETIC}
FRAMES = {
    0xC3: "lossless", 0xC5: "hierarchical", 0xC6: "hierarchical", 0xC7: "hierarchical", 0xCB: "lossless",
    0xCD: "hierarchical", 0xCE: "hierarchical", 0xCF: "hierarchical",
}  # fmt: skip
LOSSLESS_LS = 0xF7  # of JPEG-LS, which shares the signature
PRECISION = 8  # bits per colour
BLOCK = 64  # coefficients
# Segments that Pillow may read past their end: (marker, first bytes, bytes that Pillow assumes).
SHORT = ((0xE0, b"JFIF", 7), (0xE2, b"ICC_PROFILE\x00", 14))
FILL = 0xFF  # a marker may have any number of them before it (ITU-T T.81, B.1.1.2)
LEFT_OVER = 16  # unused bytes at the end of a scan; none of 368 sample photos has more than three
PROBES = 3  # fed byte by byte: libjpeg reads eight at a time and does not take the second without a third
# All ones is not a code in any Huffman table. The decoder reads up to eight bytes ahead.
ONES = b"\xff\x00"
LOOKAHEAD, ASKED_AGAIN = 8, 6
TRUNCATED = "this JPEG image is damaged: image file is truncated, or a part of it is missing"
SURPLUS = "this JPEG image is damaged: its data do not match its size, as after a part was overwritten"


class Scan(NamedTuple):
    """
    One scan: a pass over the picture.

    Attributes
    ----------
    start, end
        Its coded data lie between them.
    header
        Its components and the coefficients that it contains.
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
    The structure of a JPEG up to its end marker; other images may follow.

    Attributes
    ----------
    frame
        Start-of-frame marker; 0 when there is none.
    header
        Depth, height, width and components.
    scans
        In their order.
    short
        Offsets of the markers of segments that are too short for their type.
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
    Parse the structure of a JPEG from its markers.

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
    Reject the kinds of JPEG that Pillow cannot decode.

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
            f"photo is a JPEG image of {depth} bits per colour; the limit is {PRECISION}"
        )


def without_short_segments(data: bytes, found: Layout) -> bytes:
    """Turn segments that would make Pillow reject the picture into comments."""
    if not found.short:
        return data
    changed = bytearray(data)
    for at in found.short:
        changed[at] = COMMENT
    return bytes(changed)


class _Decoder:
    """Pillow's decoder, fed one part at a time."""

    def __init__(self, image: JpegImagePlugin.JpegImageFile) -> None:
        ((name, extents, _, arguments),) = image.tile
        self._decoder = Image._getdecoder(  # noqa: SLF001 - as ImageFile.load does
            image.mode, name, cast("tuple[object, ...]", arguments), image.decoderconfig
        )
        self._decoder.setimage(image.im, extents)
        self.finished = False

    def feed(self, data: bytes | memoryview) -> int:
        """Return how many bytes were consumed; the rest has to be passed again, followed by more."""
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
        Feed from `at` to the end of a part that starts at `start`; check that it is neither too short nor too long.

        Raises
        ------
        CorruptImageError
            When it is either.
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
        """Release the decoder's memory."""
        self._decoder.cleanup()


def _asks(rest: bytes | memoryview) -> bool:
    """Whether the decoder wants more data, rather than a marker, for which it keeps back only a 0xFF."""
    return len(rest) > 1 or (len(rest) == 1 and rest[0] != 0xFF)  # noqa: PLR2004


def load(image: JpegImagePlugin.JpegImageFile, data: bytes, found: Layout) -> None:
    """
    Decode an opened JPEG. Its end marker may be missing, but none of its picture data.

    Raises
    ------
    CorruptImageError
        When a scan has too few data or too many, or is missing.
    """
    if found.frame in ARITHMETIC:  # that decoder consumes all or nothing
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
    """Split a scan at its restart markers, all of which must be present."""
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
    """Check that the scans together contain every bit of every coefficient: final scans may be missing."""
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
