"""Facts that a file states twice or badly: which way is up, what is transparent, what lies beside the picture."""

import struct
import zlib
from base64 import b64decode
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from serialize.errors import CorruptImageError
from serialize.image import serialize_image
from tests.fakes.file_parts import chunk
from tests.fakes.pictures import TURNED_BACK, corners, encoded, largest_difference, quarters

LIMIT = 50_000_000
ORIENTATION = 0x0112


def shown(data: bytes) -> Image.Image:
    result = serialize_image(data, 64, LIMIT)
    return Image.open(BytesIO(b64decode(result["image_data"]))).convert("RGB")


def xmp(turn: int) -> bytes:
    return f'<x:xmpmeta><rdf:Description tiff:Orientation="{turn}"/></x:xmpmeta>'.encode()


def with_facts(picture: Image.Image, kind: str, exif: int | None, in_xmp: int) -> bytes:
    options: dict[str, Any] = {}
    if exif is not None:
        tags = Image.Exif()
        tags[ORIENTATION] = exif
        options["exif"] = tags.tobytes()
    if kind == "PNG":
        data = encoded(picture, kind, **options)
        text = chunk(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + xmp(in_xmp))
        return data[:33] + text + data[33:]
    return encoded(picture, kind, **options, xmp=xmp(in_xmp))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("exif", range(1, 9))
@pytest.mark.parametrize("in_xmp", [1, 3, 6, 8])
def test_exif_decides_where_xmp_says_something_else(kind: str, exif: int, in_xmp: int) -> None:
    picture = quarters(64, 48)
    stored = picture if exif == 1 else picture.transpose(TURNED_BACK[exif])
    small = shown(with_facts(stored, kind, exif, in_xmp))
    assert small.size == (64, 48)
    assert (
        max(
            abs(a - b)
            for one, two in zip(corners(small), corners(picture), strict=True)
            for a, b in zip(one, two, strict=True)
        )
        < 30
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("turn", range(2, 9))
def test_xmp_decides_where_exif_says_nothing(kind: str, turn: int) -> None:
    picture = quarters(64, 48)
    small = shown(with_facts(picture.transpose(TURNED_BACK[turn]), kind, None, turn))
    assert small.size == (64, 48)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", [0, 9, 200])
def test_an_orientation_that_means_nothing_is_upright(kind: str, value: int) -> None:
    assert shown(with_facts(quarters(64, 48), kind, value, 6)).size == (64, 48)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
@pytest.mark.parametrize("exif", [None, 1, 6])
@pytest.mark.parametrize("in_xmp", [3, 6])
def test_the_container_alone_turns_avif_and_heic(kind: str, exif: int | None, in_xmp: int) -> None:
    # Pillow's writers make boxes of what EXIF says: those are the container's word.
    picture = quarters(64, 48)
    stored = picture if exif != 6 else picture.transpose(TURNED_BACK[6])
    data = with_facts(stored, kind, exif, in_xmp)
    if exif != 6:
        data = data.replace(b"irot", b"free")  # made of what XMP says
    assert shown(data).size == (64, 48)


def grey_png(depth: int, shades: list[int], key: int | None, colour: int = 0) -> bytes:
    """One row of grey or RGB pixels, 16 high."""
    bits = "".join(f"{shade:0{depth}b}" for shade in shades)
    bits += "0" * (-len(bits) % 8)
    row = b"\x00" + int(bits, 2).to_bytes(len(bits) // 8)
    width = len(shades) // (3 if colour == 2 else 1)
    header = struct.pack(">IIBBBBB", width, 16, depth, colour, 0, 0, 0)
    keys = b"" if key is None else chunk(b"tRNS", struct.pack(">H", key) * (3 if colour == 2 else 1))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + keys
        + chunk(b"IDAT", zlib.compress(row * 16))
        + chunk(b"IEND")
    )


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("share", [0, 0.4, 1])
def test_a_transparent_grey_is_white_at_every_depth(depth: int, share: float) -> None:
    high = 2**depth - 1
    key = round(share * high)
    shades = sorted({0, key, max(0, key - 1), min(high, key + 1), high})
    small = shown(grey_png(depth, shades, key))
    row = [small.getpixel((x, 5)) for x in range(len(shades))]
    wanted = [255 if shade == key else shade * 255 // high for shade in shades]
    assert row == [(value,) * 3 for value in wanted]


@pytest.mark.parametrize(("depth", "factor"), [(8, 1), (16, 257)])
def test_a_transparent_colour_is_white_at_either_depth(depth: int, factor: int) -> None:
    pixels = [value * factor for value in (0, 0, 0, 90, 90, 90, 200, 200, 200)]
    small = shown(grey_png(depth, pixels, 90 * factor, colour=2))
    assert [small.getpixel((x, 5)) for x in range(3)] == [(0,) * 3, (255,) * 3, (200,) * 3]


def bmp(
    header_size: int, alpha: bytes, masks: tuple[int, ...] = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
) -> bytes:
    """A 32-bit bitmap with bit fields, the pixels red, one value of alpha each."""
    pixels = b"".join(
        struct.pack("<I", masks[0] | (value * (masks[3] // 0xFF) if masks[3] else 0)) for value in alpha
    )
    header = struct.pack("<IiiHHIIiiII", header_size, len(alpha), 1, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    header += struct.pack("<4I", *masks) + bytes(header_size - 56)
    return (
        b"BM" + struct.pack("<IHHI", 14 + header_size + len(pixels), 0, 0, 14 + header_size) + header + pixels
    )


@pytest.mark.parametrize("header_size", [56, 108, 124])
def test_a_bitmap_whose_alpha_nobody_filled_in_is_opaque(header_size: int) -> None:
    assert shown(bmp(header_size, bytes(4))).getpixel((2, 0)) == (255, 0, 0)
    # One pixel that can be seen, and the alpha is meant.
    mixed = shown(bmp(header_size, bytes([0, 255, 0, 0])))
    assert [mixed.getpixel((x, 0)) for x in (0, 1)] == [(255, 255, 255), (255, 0, 0)]


BAD = [
    (b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
    (b"pHYs", b"\x00"),
    (b"gAMA", b""),
    (b"tEXt", b"Comment\x00a courier"),
    (b"tIME", bytes(7)),
    (b"cHRM", bytes(3)),
    (b"prVt", bytes(30)),
]


@pytest.mark.parametrize(("kind", "content"), BAD)
@pytest.mark.parametrize("behind", [False, True])
def test_a_bad_chunk_beside_the_picture_does_not_lose_it(kind: bytes, content: bytes, behind: bool) -> None:
    data = encoded(quarters(64, 48), "PNG")
    at = data.index(b"IEND") - 4 if behind else 33
    damaged = chunk(kind, content)[:-4] + b"\x00\x01\x02\x03"
    assert largest_difference(shown(data[:at] + damaged + data[at:]), quarters(64, 48)) == 0
    short = chunk(kind, content[:1])
    if kind not in {b"tEXt", b"prVt"}:
        assert largest_difference(shown(data[:at] + short + data[at:]), quarters(64, 48)) == 0


@pytest.mark.parametrize("kind", [b"IHDR", b"PLTE", b"IDAT"])
def test_a_bad_checksum_of_what_the_picture_needs_is_corrupt(kind: bytes) -> None:
    data = bytearray(encoded(quarters(64, 48).quantize(4), "PNG"))
    at = data.index(kind)
    data[at + 4 + int.from_bytes(data[at - 4 : at])] ^= 0xFF
    with pytest.raises(CorruptImageError):
        shown(bytes(data))


def test_pixels_that_do_not_match_their_own_checksum_are_corrupt() -> None:
    data = bytearray(encoded(quarters(64, 48), "PNG", compress_level=0))
    data[data.index(b"IDAT") + 2000] ^= 0xFF
    with pytest.raises(CorruptImageError, match="bad checksum of pixels"):
        shown(bytes(data))
