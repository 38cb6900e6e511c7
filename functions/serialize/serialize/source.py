"""A file as its parser may read it. Pillow walks segments, chunks and blocks in Python, however many there are."""

from io import BytesIO

from errors import ImageTooLargeError

MAX_READS = 250_000  # an eighth of a second; a PNG of 25 MB with chunks of 1 KB takes 100,000
# What Pillow does more with than to read it: (bytes it starts with, how many, what a person calls it).
COSTLY = {
    "JPEG": (b"Exif\x00\x00", 16, "blocks of EXIF"),  # each is appended to a copy of those before
    "PNG": (b"iCCP", 8, "colour profiles"),  # each is unpacked, to a megabyte
}


class Source(BytesIO):
    """
    Bytes that can be read at most 250,000 times.

    Parameters
    ----------
    data
        The file.
    kind
        Its format, for the message.

    Raises
    ------
    ImageTooLargeError
        On the first read too many.
    """

    def __init__(self, data: bytes, kind: str) -> None:
        super().__init__(data)
        self._kind, self._left = kind, MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as a file does."""
        self._left -= 1
        if self._left < 0:
            raise ImageTooLargeError(f"this {self._kind} image is in too many small parts to be read in time")
        return super().read(size)


def check_parts(data: bytes, kind: str) -> None:
    """
    Refuse a file with too many of the parts that cost most.

    Raises
    ------
    ImageTooLargeError
        With the number.
    """
    start, limit, name = COSTLY.get(kind, (b"", 0, ""))
    if start and (found := data.count(start)) > limit:
        raise ImageTooLargeError(f"this {kind} image has {found} {name}; the limit is {limit}")
