"""TIFF: the layouts that are known to be decoded correctly. All others are rejected by name.

Pillow opens some layouts that it silently decodes wrongly. `tests/unit/functions/test_serialize_tiff.py` verifies each
accepted layout, in both byte orders, compressed and uncompressed, in one plane and in several.
"""

import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageFile, TiffImagePlugin

from serialize.errors import UnsupportedImageError
from serialize.pixels import Tones, is_deep, white_of
from serialize.tiff_directory import Entry, entries, numbers, text

BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER, SAMPLES, PLANAR = 258, 259, 262, 266, 277, 284
EXTRA_SAMPLES, SAMPLE_FORMAT, SUBSAMPLING, INK_SET = 338, 339, 530, 332
TAGS = {
    BITS,
    COMPRESSION,
    PHOTOMETRIC,
    FILL_ORDER,
    SAMPLES,
    PLANAR,
    EXTRA_SAMPLES,
    SAMPLE_FORMAT,
    SUBSAMPLING,
    INK_SET,
}

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
PHOTOMETRICS = {
    0: "grey", 1: "grey", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab", 9: "ICC Lab",
    10: "ITU Lab", 32803: "raw sensor (CFA)", 32844: "LogL", 32845: "LogLuv", 34892: "linear raw",
}  # fmt: skip
COLOURS = {RGB: 3, CMYK: 4, YCBCR: 3}  # samples per pixel, without extra ones; otherwise 1
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
FORMATS = {SIGNED: " signed", FLOAT: " float", 5: " complex", 6: " complex"}
NONE, FAX, LZW, OLD_JPEG, JPEG, PACKBITS = 1, {2, 3, 4}, 5, 6, 7, 32773
COMPRESSIONS = {
    1: "none", 2: "CCITT", 3: "fax group 3", 4: "fax group 4", 5: "LZW", 6: "old JPEG", 7: "JPEG", 8: "deflate",
    9: "JBIG", 10: "JBIG", 32766: "NeXT", 32773: "PackBits", 32809: "ThunderScan", 32946: "deflate",
    33003: "JPEG 2000", 33005: "JPEG 2000", 34712: "JPEG 2000", 34661: "JBIG", 34676: "SGI LogLuv", 34677: "SGI LogLuv",
    34887: "LERC", 34892: "lossy JPEG of DNG", 34925: "LZMA", 34926: "Zstandard", 34927: "WebP", 34933: "PNG",
    34934: "JPEG XR", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 52546: "JPEG XL",
}  # fmt: skip
# Photometric, bits and format of a sample.
KNOWN = {
    *((kind, bits, UNSIGNED) for kind in (WHITE_IS_ZERO, BLACK_IS_ZERO) for bits in (1, 2, 4, 8, 12, 16)),
    (BLACK_IS_ZERO, 16, SIGNED), (BLACK_IS_ZERO, 32, SIGNED), (BLACK_IS_ZERO, 32, FLOAT),
    *((PALETTE, bits, UNSIGNED) for bits in (1, 2, 4, 8)),
    (RGB, 8, UNSIGNED), (RGB, 16, UNSIGNED), (CMYK, 8, UNSIGNED), (CMYK, 16, UNSIGNED), (YCBCR, 8, UNSIGNED),
}  # fmt: skip
MAX_SAMPLES = 6  # above this, Pillow reports the problem itself
BYTE_BITS = 8
SEPARATE = 2  # each sample in a separate plane
DECODED = {NONE, *FAX, LZW, OLD_JPEG, JPEG, 8, PACKBITS, 32946, 34925, 50000, 50001}
# Found only in raw photos, whose first picture is a small preview: tags, and pixel types of a directory.
DNG_VERSION, MAKER, SUB_DIRECTORIES = 50706, 271, 330
MAX_SUB_DIRECTORIES = 8
SENSOR = {32803, 34892}
RAW_COMPRESSIONS = {32767, 32769, 32770, 34713, 65000, 65535}  # Sony, Epson, Samsung, Nikon, Kodak, Pentax
CANON_MARK = slice(8, 10)
NATIVE = {"F;32BF": "F;32F", "I;16BS": "I;16S", "I;32BS": "I;32S"}  # libtiff has swapped the bytes already

# 12-bit samples are packed alike in both byte orders; Pillow knows one of four variants.
for _order in (b"II", b"MM"):
    for _photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO):
        TiffImagePlugin.OPEN_INFO[_order, _photometric, (1,), 1, (12,), ()] = ("I;16", "I;12")
TiffImagePlugin.OPEN_INFO[b"MM", WHITE_IS_ZERO, (1,), 1, (16,), ()] = ("I;16B", "I;16B")


@dataclass(frozen=True, slots=True)
class Layout:
    """
    How the pixels of a TIFF are stored, from its first directory, with the standard's defaults.

    Attributes
    ----------
    order
        Byte order: II or MM.
    photometric, compression, planar, fill_order
        As the standard numbers them.
    bits, formats
        Of each sample of a pixel; a single value applies to all.
    samples
        Samples per pixel.
    extra
        Types of the samples beyond its colours.
    subsampling
        For YCbCr, horizontal and vertical.
    ink_set
        1 for CMYK.
    """

    order: bytes
    photometric: int
    compression: int
    planar: int
    fill_order: int
    bits: tuple[int, ...]
    formats: tuple[int, ...]
    samples: int
    extra: tuple[int, ...]
    subsampling: tuple[int, ...]
    ink_set: int

    @property
    def kind(self) -> tuple[int, int, int]:
        """Photometric, bits and format of a sample."""
        return self.photometric, self.bits[0], self.formats[0]

    @property
    def key(self) -> tuple[object, ...]:
        """The key by which Pillow looks it up."""
        photometric, depth, sample_format = self.kind
        fill_order = 1 if self.compression in FAX else self.fill_order
        return self.order, photometric, (sample_format,), fill_order, (depth,) * self.samples, self.extra

    @property
    def name(self) -> str:
        """The name of the layout as export dialogs show it."""
        depth = "+".join(map(str, dict.fromkeys(self.bits)))
        colour = PHOTOMETRICS.get(self.photometric, f"photometric {self.photometric}")
        alpha = (
            f" with {len(self.extra)} more channels"
            if len(self.extra) > 1
            else " with alpha"
            if self.extra
            else ""
        )
        inverted = " (white is zero)" if self.photometric == WHITE_IS_ZERO else ""
        planes = " in planes" if self.planar != 1 and self.samples > 1 else ""
        reversed_bits = ", bits reversed" if self.fill_order != 1 else ""
        return (
            f"{depth}-bit{FORMATS.get(self.formats[0], '')} {colour}{alpha}{inverted}{planes}{reversed_bits}"
        )


def layout(data: bytes) -> Layout:
    """Read the layout from the first directory, which `tiff_directory.check_tiff` found readable."""
    found = {entry.tag: numbers(data, entry) for entry in reversed(list(entries(data))) if entry.tag in TAGS}

    def one(tag: int, default: int) -> int:
        return (found.get(tag) or (default,))[0]

    return Layout(
        order=data[:2],
        photometric=one(PHOTOMETRIC, WHITE_IS_ZERO),
        compression=one(COMPRESSION, NONE),
        planar=one(PLANAR, 1),
        fill_order=one(FILL_ORDER, 1),
        bits=found.get(BITS) or (1,),
        formats=found.get(SAMPLE_FORMAT) or (UNSIGNED,),
        samples=one(
            SAMPLES, 3 if one(COMPRESSION, NONE) == JPEG and one(PHOTOMETRIC, 0) in {RGB, YCBCR} else 1
        ),
        extra=found.get(EXTRA_SAMPLES, ()),
        subsampling=found.get(SUBSAMPLING) or (2, 2),
        ink_set=one(INK_SET, 1),
    )


def check_raw(data: bytes) -> None:
    """
    Reject a raw photo, of which Pillow would decode only the small preview.

    Raises
    ------
    UnsupportedImageError
        With the manufacturer, where the file names it.
    """
    first = list(entries(data))
    tags = {entry.tag: entry for entry in reversed(first)}
    starts = numbers(data, tags[SUB_DIRECTORIES], MAX_SUB_DIRECTORIES) if SUB_DIRECTORIES in tags else ()
    raw = DNG_VERSION in tags or data[CANON_MARK] == b"CR" or _is_raw(data, first)
    if not raw and not any(_is_raw(data, _directory(data, start)) for start in starts):
        return
    maker = text(data, tags[MAKER]).split() if MAKER in tags else []
    by = f" ({maker[0].capitalize()})" if maker and maker[0].isalnum() else ""
    raise UnsupportedImageError(f"the file is a raw photo{by}, not an image of an accepted format")


def _directory(data: bytes, start: int) -> list[Entry]:
    with suppress(struct.error, OverflowError):
        return list(entries(data, start))
    return []


def _is_raw(data: bytes, found: list[Entry]) -> bool:
    values = {
        entry.tag: numbers(data, entry, 1) for entry in found if entry.tag in {PHOTOMETRIC, COMPRESSION}
    }
    return bool(SENSOR & {*values.get(PHOTOMETRIC, ())} or RAW_COMPRESSIONS & {*values.get(COMPRESSION, ())})


def check_layout(data: bytes) -> Layout:
    """
    Reject a TIFF whose layout is not known to be decoded correctly.

    Returns
    -------
    Layout
        Of its first picture.

    Raises
    ------
    UnsupportedImageError
        Naming what is not accepted.
    """
    found = layout(data)
    packed = COMPRESSIONS.get(found.compression, f"number {found.compression}")
    if found.compression not in DECODED:
        raise UnsupportedImageError(f"photo is a TIFF image with compression {packed}, which is not accepted")
    if not _is_known(found):
        how = "" if found.compression == NONE else f", {packed}"
        raise UnsupportedImageError(
            f"photo is a TIFF image of the kind {found.name}{how}, which is not accepted"
        )
    return found


def _is_known(found: Layout) -> bool:
    if found.compression == OLD_JPEG:
        return True  # always YCbCr; no other tags describe it
    depth, grey = found.bits[0], COLOURS.get(found.photometric, 1) == 1
    planes = found.planar == SEPARATE
    doubts = (
        len(set(found.bits)) > 1 or len(set(found.formats)) > 1,
        found.planar not in {1, SEPARATE},
        found.compression == JPEG and found.photometric not in {BLACK_IS_ZERO, RGB, YCBCR},
        found.compression in FAX and depth != 1,
        found.photometric == YCBCR and found.compression == NONE and found.subsampling != (1, 1),
        found.photometric == CMYK and found.ink_set != 1,
        found.fill_order != 1 and depth > BYTE_BITS,
        planes and (found.photometric == YCBCR or (grey and found.samples > 1)),
        planes and len(found.extra) > 1 and any(found.extra),
    )
    listed = found.kind in KNOWN and (found.key in TiffImagePlugin.OPEN_INFO or found.samples > MAX_SAMPLES)
    return listed and not any(doubts)


def open_tiff(source: BytesIO, found: Layout) -> Image.Image:
    """
    Open a TIFF so that Pillow decodes it correctly.

    Pillow's own reader for uncompressed data misreads separate planes and reversed bits, so libtiff reads those. For
    data that libtiff has read, Pillow would swap the bytes a second time; this prevents it.
    """
    TiffImagePlugin.READ_LIBTIFF = found.fill_order != 1 or (found.planar == SEPARATE and found.samples > 1)
    image = Image.open(source, formats=["TIFF"])
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        image.tile = [_native(tile) for tile in image.tile]
    return image


def _native(tile: ImageFile._Tile) -> ImageFile._Tile:
    if tile.codec_name != "libtiff" or not isinstance(tile.args, tuple):
        return tile
    return tile._replace(args=(NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))


def tones(image: Image.Image, found: Layout) -> Tones:
    """Return the meaning of a decoded TIFF's values; Pillow inverts 8-bit ones itself."""
    inverted = found.photometric == WHITE_IS_ZERO and is_deep(image.mode)
    return Tones(white_of(image, found.bits[0]), inverted)
