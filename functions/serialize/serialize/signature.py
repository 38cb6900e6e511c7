"""Identify a file by its first bytes, and detect a lost end.

The extension and the content type are ignored.

A failed download or disk can leave zeros at the end of a file. PNG has checksums, and GIF and compressed TIFF run out
of data, but the decoders of WebP, AVIF and HEIC decode zeros without an error. In BMP and uncompressed TIFF zeros are
black pixels and cannot be detected.
"""

import re

from serialize.errors import CorruptImageError, UnsupportedImageError

HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
AVIF_BRANDS = {b"avif", b"avis"}

ACCEPTED = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
# (offset, magic number, name in messages)
REFUSED = (
    (0, b"%PDF", "a PDF document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\x00\x00\x01\x00", "an icon (ICO)"),
    (0, b"icns", "an icon (ICNS)"),
    (0, b"PK\x03\x04", "a zip archive or office document"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"Rar!", "a RAR archive"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (0, b"OggS", "an Ogg recording"),
    (0, b"ID3", "an MP3 recording"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"v/1\x01", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance HDR image"),
    (0, b"FUJIFILMCCD-RAW", "a Fujifilm raw photo"),
    (0, b"II\x1a\x00\x00\x00HEAPCCDR", "a Canon raw photo"),
    (0, b"IIRO", "an Olympus raw photo"),
    (0, b"IIRS", "an Olympus raw photo"),
    (0, b"MMOR", "an Olympus raw photo"),
    (0, b"IIU\x00", "a Panasonic raw photo"),
    (0, b"\x00MRM", "a Minolta raw photo"),
    (0, b"FOVb", "a Sigma raw photo"),
    (0, b"II\xbc", "a JPEG XR image"),
    (0, b"gimp xcf", "a GIMP document"),
    (0, b"qoif", "a QOI image"),
    (0, b"DDS ", "a DirectDraw texture"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (128, b"DICM", "a DICOM scan"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a WAV recording"),
)
RIFF_WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)
MARKUP = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*<(?:\?xml|!doctype|!--|svg|html|[a-z])", re.IGNORECASE)
NETPBM = re.compile(rb"\AP[1-7]\s")
OTHER_HEIF = "a HEIF image with a codec that is not accepted"
FTYP = {
    b"crx ": "a Canon raw photo",
    b"jp2 ": "a JPEG 2000 image",
    b"jxl ": "a JPEG XL image",
    b"M4A ": "an audio recording",
    b"mif3": "a HEIF image with the newer, minimized layout",
    **dict.fromkeys(
        (b"mif1", b"mif2", b"msf1", b"miaf", b"jpeg", b"j2ki", b"avci", b"vvic", b"evbi"), OTHER_HEIF
    ),
}
# A cursor has a reserved byte of 0 and a picture count; a TGA without a palette also starts so, with five zeros.
CURSOR = re.compile(rb"\A\x00\x00\x02\x00[\x01-\x40]\x00..[\x00-\xff]\x00", re.DOTALL)
# Type and palette flag, 5 bytes about the palette, 4 of position, 4 of size, bits per pixel, flags.
TGA = re.compile(
    rb"\A.(?:\x00[\x02\x03\x0a\x0b]\x00{5}|\x01[\x01\x09]....[\x0f\x10\x18\x20]).{4}(?!\x00\x00)..(?!\x00\x00).."
    rb"[\x01\x08\x0f\x10\x18\x20][\x00-\x3f]",
    re.DOTALL,
)
PATTERNS = ((CURSOR, "a cursor (CUR)"), (TGA, "a Targa image (TGA)"), (NETPBM, "a Netpbm image"))
LOOKED_AT = 1024  # bytes
REPLACED = b"\xef\xbf\xbd"  # U+FFFD, which a program substitutes for bytes that are not text
REPLACEMENTS = 8  # among the first bytes
FEWEST_VALUES = 24  # different bytes among the first ones of an image that was treated as text
SHORTEST = 2  # bytes that carry information

FEWEST_ZEROS = 64  # bytes: coded data look random, so this many zeros at their end are not a coincidence
PIXELS_PER_ZERO = 4096  # of a single colour: one WebP file needed 10,000
LARGEST_EXIF = 65_536  # bytes; it may follow the picture and contain unused space
WEBP_PICTURE = re.compile(rb"VP8[ L]")
RIFF_HEADER = 12  # bytes before WebP's first chunk
MAX_BOXES = 1000


def identify(data: bytes) -> str:
    """
    Identify the format of an image.

    Returns
    -------
    str
        One of JPEG, PNG, WEBP, GIF, BMP, TIFF, HEIF, AVIF.

    Raises
    ------
    UnsupportedImageError
        When it is anything else; the message says what it looks like.
    CorruptImageError
        When it ends within its signature, or was damaged by a transfer as text.
    """
    if not data:
        raise UnsupportedImageError("the file is empty")
    for magic, kind in ACCEPTED:
        if SHORTEST <= len(data) < len(magic) and magic.startswith(data):
            raise CorruptImageError(f"this {kind} image is damaged: it ends after {len(data)} bytes")
    known = _format_of(data)
    _check_transfer(data, known)
    if known:
        return known
    raise UnsupportedImageError(
        f"the file is {_looks_like(data[:LOOKED_AT])}, not an image of an accepted format"
    )


def _format_of(data: bytes) -> str | None:
    for magic, kind in ACCEPTED:
        if data.startswith(magic):
            return kind
    if RIFF_WEBP.match(data):
        return "WEBP"
    return _of_brands(_brands(data)) if data[4:8] == b"ftyp" else None


def _check_transfer(data: bytes, known: str | None) -> None:
    """
    Detect the damage of a transfer as text, which most signatures survive: that of GIF is text, for example.

    Raises
    ------
    CorruptImageError
        With a hint at the likely cause.
    """
    if data[12:16] == b"IHDR" and not known:
        raise CorruptImageError("this PNG image is damaged: its signature is broken")
    start = data[:LOOKED_AT]
    if (replaced := start.count(REPLACED)) < REPLACEMENTS:
        return
    # An undamaged bitmap of one colour can consist of these three bytes; other images are neither text nor so uniform.
    if not known or (_decoded(start) is not None and len(set(start)) >= FEWEST_VALUES):
        raise CorruptImageError(
            f"a program on the way treated the file as text (EF BF BD {replaced} times in its first bytes): if "
            "it came through API Gateway, add its type to the API's binary media types"
        )


def _brands(data: bytes) -> list[bytes]:
    size = min(int.from_bytes(data[:4]), LOOKED_AT)
    return [data[8:12], *(data[at : at + 4] for at in range(16, size, 4))]


def _of_brands(brands: list[bytes]) -> str | None:
    # Generic brands (mif1, msf1) come first in both HEIC and AVIF files: the first specific brand decides.
    for brand in brands:
        if brand in AVIF_BRANDS:
            return "AVIF"
        if brand in HEIF_BRANDS:
            return "HEIF"
    return None


def _looks_like(start: bytes) -> str:
    for offset, magic, name in REFUSED:
        if start.startswith(magic, offset):
            return name
    if start[4:8] == b"ftyp":
        return next((FTYP[brand] for brand in _brands(start) if brand in FTYP), "an MP4 or QuickTime video")
    for pattern, name in PATTERNS:
        if pattern.match(start):
            return name
    if MARKUP.match(start):
        lowered = start.lower()
        return "an SVG drawing" if b"<svg" in lowered else "an HTML or XML document"
    return "text" if _is_text(start) else "of an unknown type"


def _is_text(start: bytes) -> bool:
    text = _decoded(start)
    return text is not None and all(character.isprintable() or character.isspace() for character in text)


def _decoded(start: bytes) -> str | None:
    try:
        return start.decode()
    except UnicodeDecodeError as error:
        # a character cut in two at the end does not count
        return None if error.start < len(start) - 3 else start[: error.start].decode()


def check_tail(data: bytes, kind: str, pixels: int) -> None:
    """
    Reject a WebP, AVIF or HEIC whose picture data end in zeros.

    Raises
    ------
    CorruptImageError
        With their number.
    """
    match kind:
        case "WEBP":
            start, end = _webp(data)
            least = FEWEST_ZEROS
        case "AVIF" | "HEIF":
            start, end = _box(data)
            least = LARGEST_EXIF if b"Exif" in data[:start] else FEWEST_ZEROS
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
            f"this {kind} image is damaged: its data end in at least {zeros} zero bytes, as after a failed transfer"
        )


def _webp(data: bytes) -> tuple[int, int]:
    """Find the picture data of a WebP that is not animated."""
    at = RIFF_HEADER
    for _ in range(MAX_BOXES):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if WEBP_PICTURE.match(data, at):
            return at + 8, at + 8 + size
        if at >= len(data):
            break
        at += 8 + size + size % 2
    return 0, 0


def _box(data: bytes) -> tuple[int, int]:
    """Find the box with the coded data."""
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
