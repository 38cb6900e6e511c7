"""Whatever is uploaded ends as an image or as one of the poison errors, with a reason a person can read."""

import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies
from PIL import Image

from serialize.budget import DECODER_BYTES, apart, avif_bytes, check_memory, heif_bytes, webp_bytes
from serialize.decode import decoding
from serialize.errors import CorruptImageError, ImageTooLargeError, RejectedImageError, UnsupportedImageError
from serialize.image import serialize_image
from serialize.tiff_directory import check_tiff, exif_orientation
from tests.fakes.pictures import FORMATS, encoded, grain, quarters

LIMIT = 50_000_000
SMALL = {kind: encoded(quarters(48, 40), kind) for kind in FORMATS}
CHANGES = strategies.lists(
    strategies.tuples(strategies.floats(0, 1), strategies.integers(0, 255)), max_size=12
)


def outcome(data: bytes) -> str:
    try:
        result = serialize_image(data, 32, LIMIT)
    except RejectedImageError as error:
        refused: Exception = error
    else:
        assert len(result["image_data"]) <= 131_072
        return "accepted"
    assert "\n" not in str(refused)
    assert 10 < len(str(refused)) < 400
    return type(refused).__name__


@pytest.mark.parametrize("kind", FORMATS)
def test_half_a_file_is_corrupt(kind: str) -> None:
    data = encoded(grain(300, 200, 60).convert("RGB"), kind)
    assert outcome(data[: len(data) // 2]) == "CorruptImageError"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_bare_signature_is_corrupt(kind: str) -> None:
    assert outcome(SMALL[kind][:32]) == "CorruptImageError"


@pytest.mark.parametrize("kind", FORMATS)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_damaged_bytes_end_in_an_outcome(kind: str, changes: list[tuple[float, int]]) -> None:
    data = bytearray(SMALL[kind])
    for place, value in changes:
        data[min(len(data) - 1, int(place * len(data)))] = value
    assert outcome(bytes(data))


@settings(max_examples=60)
@given(
    kind=strategies.sampled_from(FORMATS),
    junk=strategies.binary(max_size=400),
    kept=strategies.integers(4, 60),
)
def test_junk_behind_a_signature_ends_in_an_outcome(kind: str, junk: bytes, kept: int) -> None:
    assert outcome(SMALL[kind][:kept] + junk)


@pytest.mark.parametrize(
    "error", [ValueError("odd"), MemoryError(), struct.error("short"), KeyError(7), RecursionError()]
)
def test_whatever_a_decoder_raises_becomes_corrupt_and_is_named(error: Exception) -> None:
    with (
        pytest.raises(CorruptImageError, match=type(error).__name__) as found,
        decoding("PNG", LIMIT),
    ):
        raise error
    assert found.value.__cause__ is error


def png_header(width: int, height: int, depth: int = 8, colour: int = 2) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    data = b"IDAT" + zlib.compress(b"\x00" * 100)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (9000, 6800, "photo is 61.2 megapixels; the limit is 50.0"),
        (50_000, 50_000, "photo is over 100.0 megapixels; the limit is 50.0"),
        (70_000, 10, "photo is 70000 x 10 pixels; the limit for a side is 65535"),
    ],
)
def test_pixels_are_counted_before_decoding(width: int, height: int, reason: str) -> None:
    with pytest.raises(ImageTooLargeError) as found:
        serialize_image(png_header(width, height), 32, LIMIT)
    assert str(found.value) == reason


def test_deep_png_is_limited_for_its_time() -> None:
    with pytest.raises(ImageTooLargeError, match=r"37\.5 for PNG images of this depth, set by the time"):
        serialize_image(png_header(8660, 5773, 16, 6), 32, LIMIT)


def test_a_text_bomb_in_a_png_is_corrupt() -> None:
    text = b"zTXtcomment\x00\x00" + zlib.compress(b"a" * 40_000_000)
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    data = SMALL["PNG"]
    assert outcome(data[:33] + chunk + data[33:]) == "CorruptImageError"


def test_progressive_cmyk_is_limited_for_its_memory() -> None:
    data = bytearray(encoded(Image.new("CMYK", (16, 16)), "JPEG", progressive=True))
    at = data.index(b"\xff\xc2")
    data[at + 5 : at + 9] = struct.pack(">HH", 5773, 8660)
    with pytest.raises(ImageTooLargeError, match="JPEG images of this kind, set by the memory"):
        serialize_image(bytes(data), 32, LIMIT)


def test_a_jpeg_of_many_scans_is_refused() -> None:
    data = encoded(quarters(), "JPEG", progressive=True)
    scan = data[data.index(b"\xff\xda") : data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)]
    bomb = data[: data.index(b"\xff\xda")] + scan * 100 + data[data.index(b"\xff\xda") :]
    with pytest.raises(ImageTooLargeError, match="scans"):
        serialize_image(bomb, 32, LIMIT)


def test_run_length_bmp_is_limited_for_its_time() -> None:
    data = bytearray(encoded(quarters().convert("P"), "BMP")) + bytes(3_000_000)
    data[30:34] = (1).to_bytes(4, "little")
    with pytest.raises(ImageTooLargeError, match="run-length"):
        serialize_image(bytes(data), 32, LIMIT)


@pytest.mark.parametrize(("kind", "width", "height"), [("WEBP", 8000, 6000), ("AVIF", 8000, 6000)])
def test_decoders_that_need_much_memory_have_a_lower_limit(kind: str, width: int, height: int) -> None:
    needs: dict[str, Callable[[int], float]] = {
        "WEBP": webp_bytes,
        "AVIF": lambda pixels: avif_bytes(pixels, alpha=False),
    }
    needed = needs[kind]
    check_memory(needed(4032 * 3024), kind, 4032, 3024)
    with pytest.raises(ImageTooLargeError, match=r"the limit is 2\d\.\d for"):
        check_memory(needed(width * height), kind, width, height)


def tiff(entries: list[tuple[int, int, int, int]]) -> bytes:
    directory = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\x00" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)


def test_a_tiff_directory_that_unfolds_is_corrupt() -> None:
    data = tiff([(40_000 + tag, 1, 60_000, 0) for tag in range(500)]) + bytes(60_000)
    with pytest.raises(CorruptImageError, match="claims more than the file holds"):
        check_tiff(data)


def test_a_tiff_of_countless_strips_is_refused() -> None:
    with pytest.raises(ImageTooLargeError, match="strips"):
        check_tiff(tiff([(273, 4, 70_000, 8)]) + bytes(300_000))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_orientation_is_found_in_either_byte_order(order: str, big: bool) -> None:
    mark = b"II" if order == "<" else b"MM"
    if big:
        exif = mark + struct.pack(order + "HHHQQHHQH6x", 43, 8, 0, 16, 1, 0x0112, 3, 1, 6)
    else:
        exif = mark + struct.pack(order + "HIHHHIH2x", 42, 8, 1, 0x0112, 3, 1, 6)
    assert exif_orientation(exif) == 6
    assert exif_orientation(b"Exif\x00\x00" + exif) == 6


@given(strategies.binary(max_size=80))
def test_broken_exif_is_upright(junk: bytes) -> None:
    for start in (b"", b"II*\x00", b"MM\x00*", b"Exif\x00\x00MM\x00+"):
        assert exif_orientation(start + junk) in {None, *range(1, 9)}


def test_decoders_warn_nobody(recwarn: pytest.WarningsRecorder, capsys: Any) -> None:
    outcome(SMALL["TIFF"][:-40] + bytes(40))
    outcome(png_header(9000, 6800))
    assert not recwarn.list
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("found", "limit", "written"),
    [
        (61.2, 50.0, ("61.2", "50.0")),
        (50.13504, 50.0, ("50.1", "50.0")),
        (50.004, 50.0, ("50.004", "50.000")),
        (26.214401, 26.2144, ("26.214401", "26.214400")),
    ],
)
def test_two_numbers_are_written_so_that_they_differ(
    found: float, limit: float, written: tuple[str, str]
) -> None:
    assert apart(found, limit) == written


def test_a_bitmap_with_other_bit_fields_is_unsupported_not_damaged() -> None:
    header = struct.pack("<IiiHHIIiiII", 56, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0)
    header += struct.pack("<4I", 0x3FF00000, 0xFFC00, 0x3FF, 0)
    data = b"BM" + struct.pack("<IHHI", 86, 0, 0, 70) + header + bytes(16)
    with pytest.raises(UnsupportedImageError, match="bitfields layout"):
        serialize_image(data, 32, LIMIT)


@pytest.mark.parametrize(
    ("chroma", "deep", "largest"),
    [(420, False, 48.8), (420, True, 33.0), (422, True, 24.0), (444, True, 20.0)],
)
def test_heic_of_cameras_fits(chroma: int, deep: bool, largest: float) -> None:
    needed = heif_bytes(round(largest * 1e6), chroma=chroma, deep=deep, alpha=False)
    assert needed + 26_214_400 < DECODER_BYTES
