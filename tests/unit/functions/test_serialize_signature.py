import contextlib

import pytest
from hypothesis import given, strategies
from PIL import Image

from serialize.errors import CorruptImageError, RejectedImageError, UnsupportedImageError
from serialize.signature import identify
from tests.fakes.pictures import FORMATS, encoded, quarters, scene


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_told_by_their_first_bytes(kind: str) -> None:
    assert identify(encoded(quarters(), kind)) == kind


@pytest.mark.parametrize(
    ("data", "looks_like"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG drawing"),
        (b"\xef\xbb\xbf  <svg/>", "an SVG drawing"),
        (b"<!DOCTYPE html><html></html>", "an HTML or XML document"),
        (b"8BPS\x00\x01", "a Photoshop document"),
        (b"\x00\x00\x01\x00\x01\x00", "an icon (ICO)"),
        (b"PK\x03\x04rest", "a zip archive or office document"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp41isom", "an MP4 or QuickTime video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "an AVI video"),
        ("Fahrräder und Motorräder\n".encode(), "text"),
        (b"a" + "é".encode() * 600, "text"),  # cut in the middle of a character
        (b"P6 2 2 255 ", "a Netpbm image"),
        (b"\x00\x01\x02\x03\xff\xfe", "of an unknown type"),
        (b"\x00\x00\x02\x00\x01\x00\x20\x20\x00\x00\x05\x00\x05\x00" + bytes(20), "a cursor (CUR)"),
        (b"\x00\x00\x00\x18ftypmif2\x00\x00\x00\x00mif1miaf", "a HEIF image with a codec"),
        (b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1miaf", "a HEIF image with a codec"),
        (b"\x00\x00\x00\x10ftypmif3avif", "a HEIF image with the newer, minimized layout"),
        (b"\x00\x00\x00\x18ftypcrx \x00\x00\x00\x01crx isom", "a Canon raw photo"),
        (b"FUJIFILMCCD-RAW 0201", "a Fujifilm raw photo"),
        (b"II\x1a\x00\x00\x00HEAPCCDR", "a Canon raw photo"),
        (b"IIRO\x08\x00\x00\x00", "an Olympus raw photo"),
        (b"IIU\x00\x08\x00\x00\x00", "a Panasonic raw photo"),
        (b"\x00MRM\x00\x00", "a Minolta raw photo"),
        (b"FOVb\x03\x00", "a Sigma raw photo"),
    ],
)
def test_what_is_refused_is_named(data: bytes, looks_like: str) -> None:
    with pytest.raises(UnsupportedImageError, match="not an image") as refused:
        identify(data)
    assert looks_like in str(refused.value)


@pytest.mark.parametrize(
    ("mode", "compression"),
    [("1", None), *((mode, how) for mode in ("L", "P", "RGB", "RGBA") for how in (None, "tga_rle"))],
)
def test_a_targa_is_not_taken_for_a_cursor(mode: str, compression: str | None) -> None:
    data = encoded(Image.new(mode, (50, 40)), "TGA", compression=compression)
    with pytest.raises(UnsupportedImageError, match="a Targa image"):
        identify(data)


@pytest.mark.parametrize(("kind", "least"), [("JPEG", 2), ("PNG", 2), ("GIF", 2), ("TIFF", 2)])
def test_the_first_bytes_of_an_image_are_a_damaged_image(kind: str, least: int) -> None:
    data = encoded(quarters(), kind)
    for length in range(least, 3):
        with pytest.raises(CorruptImageError, match=f"it ends after {length} bytes"):
            identify(data[:length])


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("width", range(60, 68))  # the size of the file is in some signatures, as text or not
def test_an_image_that_went_through_a_gateway_as_text_says_where_to_look(kind: str, width: int) -> None:
    as_text = encoded(scene(width, 48), kind).decode("utf-8", "replace").encode()
    with pytest.raises(CorruptImageError, match=r"signature|binary media types"):
        identify(as_text)


def test_a_webp_file_of_a_size_that_is_text_is_still_found_to_be_damaged() -> None:
    data = b"RIFF\x7e\x07\x00\x00" + encoded(scene(64, 48), "WEBP")[8:]
    with pytest.raises(CorruptImageError, match="binary media types"):
        identify(data.decode("utf-8", "replace").encode())


@pytest.mark.parametrize("colour", [(0xEF, 0xBF, 0xBD), (0xBF, 0xBD, 0xEF), (0xBD, 0xEF, 0xBF)])
@pytest.mark.parametrize("kind", ["BMP", "TIFF"])
def test_a_picture_of_the_colour_of_replaced_bytes_is_not_damaged(
    kind: str, colour: tuple[int, int, int]
) -> None:
    assert identify(encoded(Image.new("RGB", (64, 48), colour), kind)) == kind


def test_an_empty_file_is_unsupported() -> None:
    with pytest.raises(UnsupportedImageError, match="empty"):
        identify(b"")


def test_a_png_with_a_broken_signature_is_corrupt() -> None:
    with pytest.raises(CorruptImageError, match="signature"):
        identify(b"\x09PNG\r\n\x1a\n" + encoded(quarters(), "PNG")[8:])


@pytest.mark.parametrize(
    ("brands", "kind"), [(b"mif1\x00\x00\x00\x00mif1heic", "HEIF"), (b"mif1\x00\x00\x00\x00mif1avif", "AVIF")]
)
def test_a_generic_brand_is_told_by_the_compatible_ones(brands: bytes, kind: str) -> None:
    assert identify((8 + len(brands)).to_bytes(4) + b"ftyp" + brands) == kind


@given(strategies.binary(max_size=200))
def test_anything_is_identified_or_rejected(data: bytes) -> None:
    with contextlib.suppress(RejectedImageError):
        assert identify(data) in FORMATS
