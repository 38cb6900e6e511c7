import contextlib
from typing import Any

import pytest
from hypothesis import given, strategies

from tests.fakes.pictures import FORMATS, encoded, quarters


@pytest.mark.parametrize("kind", FORMATS)
def test_formats_are_told_by_their_first_bytes(serialize: Any, kind: str) -> None:
    assert serialize.signature.identify(encoded(quarters(), kind)) == kind


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
        (b"\x00\x01\x02\x03\xff\xfe", "of an unknown kind"),
    ],
)
def test_what_is_refused_is_named(serialize: Any, data: bytes, looks_like: str) -> None:
    with pytest.raises(serialize.errors.UnsupportedImageError, match="not an image") as refused:
        serialize.signature.identify(data)
    assert looks_like in str(refused.value)


def test_an_empty_file_is_unsupported(serialize: Any) -> None:
    with pytest.raises(serialize.errors.UnsupportedImageError, match="empty"):
        serialize.signature.identify(b"")


def test_a_png_with_a_broken_signature_is_corrupt(serialize: Any) -> None:
    with pytest.raises(serialize.errors.CorruptImageError, match="signature"):
        serialize.signature.identify(b"\x09PNG\r\n\x1a\n" + encoded(quarters(), "PNG")[8:])


@pytest.mark.parametrize(
    ("brands", "kind"), [(b"mif1\x00\x00\x00\x00mif1heic", "HEIF"), (b"mif1\x00\x00\x00\x00mif1avif", "AVIF")]
)
def test_a_generic_brand_is_told_by_the_compatible_ones(serialize: Any, brands: bytes, kind: str) -> None:
    assert serialize.signature.identify((8 + len(brands)).to_bytes(4) + b"ftyp" + brands) == kind


@given(strategies.binary(max_size=200))
def test_anything_is_identified_or_rejected(serialize: Any, data: bytes) -> None:
    with contextlib.suppress(serialize.errors.RejectedImageError):
        assert serialize.signature.identify(data) in FORMATS
