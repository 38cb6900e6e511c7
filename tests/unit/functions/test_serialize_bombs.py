"""Small files that keep a parser busy or unfold: each took Serialize more than 3 s or 512 MB at 25 MB or below."""

import resource
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from serialize.budget import at_most
from serialize.decode import decoding
from serialize.errors import CorruptImageError, ImageTooLargeError, UnsupportedImageError
from serialize.image import serialize_image
from serialize.jpeg import layout
from serialize.tiff_directory import check_exif, exif_orientation
from tests.fakes.file_parts import chunk, segment
from tests.fakes.pictures import encoded, quarters

LIMIT = 50_000_000
PHOTO = quarters(48, 40)
FILES = {kind: encoded(PHOTO, kind) for kind in ("JPEG", "PNG", "GIF", "TIFF")}
WALKED = 126_000  # parts that are read twice each


def within(kind: str, at: int, data: bytes) -> bytes:
    return FILES[kind][:at] + data + FILES[kind][at:]


def png(data: bytes, before: bytes = b"IDAT") -> bytes:
    return within("PNG", FILES["PNG"].index(before) - 4, data)


def jpeg(data: bytes) -> bytes:
    return within("JPEG", 2, data)


def gif(data: bytes) -> bytes:
    return within("GIF", 13 + 3 * 2 ** ((FILES["GIF"][10] & 7) + 1), data)


def run(data: bytes) -> dict[str, Any]:
    return dict(serialize_image(data, 32, LIMIT))


PARTS = {
    "JPEG comments": jpeg(segment(0xFE) * WALKED),
    "JPEG colour profiles": jpeg(segment(0xE2, b"ICC_PROFILE\x00\x01\x01") * WALKED),
    "JPEG fill bytes": jpeg(segment(0xFE) + b"\xff" * 2 * WALKED),
    "JPEG junk": jpeg(segment(0xFE) + b"\xff\x00" * WALKED),
    "PNG chunks": png(chunk(b"teSt") * WALKED),
    "PNG texts": png(chunk(b"tEXt", b"a\x00") * WALKED),
    "PNG chunks behind the picture": png(chunk(b"teSt") * WALKED, b"IEND"),
    "PNG empty data": png(chunk(b"IDAT") * WALKED),
    "GIF comment": gif(b"\x21\xfe" + b"\x01a" * WALKED + b"\x00"),
    "GIF comments": gif(b"\x21\xfe\x01a\x00" * WALKED),
    "GIF junk": gif(b"\x01" * 2 * WALKED),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_file_in_countless_parts_is_refused(name: str) -> None:
    reason = "too many small parts to be read in time|more than 4096 segments"
    with pytest.raises(ImageTooLargeError, match=reason):
        run(PARTS[name])


@pytest.mark.parametrize(
    "data",
    [
        jpeg(segment(0xE2, b"ICC_PROFILE\x00\x01\x01" + bytes(65_000)) * 370),
        jpeg(segment(0xE1, b"Exif\x00\x00" + bytes(60_000)) * 16),
        png(chunk(b"IDAT") * 25_000),
        png(chunk(b"tEXt", b"Comment\x00a courier") * 1000),
        gif(b"\x21\xfe" + (b"\xff" + b"a" * 255) * 20_000 + b"\x00"),
    ],
    ids=[
        "JPEG profile of 24 MB",
        "JPEG EXIF of 1 MB",
        "PNG of 25,000 parts",
        "PNG texts",
        "GIF comment of 5 MB",
    ],
)
def test_many_parts_as_programs_write_them_are_accepted(data: bytes) -> None:
    assert run(data)["original"]["width"] == 48


def test_exif_is_not_pieced_together_for_ever() -> None:
    with pytest.raises(ImageTooLargeError, match="17 blocks of EXIF; the limit is 16"):
        run(jpeg(segment(0xE1, b"Exif\x00\x00x") * 17))


def test_profiles_are_not_unpacked_for_ever() -> None:
    profile = chunk(b"iCCP", b"a\x00\x00" + zlib.compress(bytes(1_000_000)))
    with pytest.raises(ImageTooLargeError, match="9 colour profiles; the limit is 8"):
        run(png(profile * 9, b"IEND"))


@pytest.mark.parametrize(
    "profile",
    [
        chunk(b"iCCP", b"a\x00\x01" + zlib.compress(b"of an unknown compression")),
        chunk(b"iCCP", b"a\x00\x00" + zlib.compress(bytes(2_000_000))),
        chunk(b"iCCP", b"a\x00\x00no zlib"),
        chunk(b"iCCP")[:-4] + b"\x00\x00\x00\x00",
    ],
)
def test_a_bad_colour_profile_does_not_spoil_the_picture(profile: bytes) -> None:
    assert run(png(profile * 2)) == run(FILES["PNG"])


def test_a_profile_that_ends_beyond_the_file_is_corrupt() -> None:
    with pytest.raises(CorruptImageError):
        run(png(struct.pack(">I", 1_000_000) + b"iCCP"))


def test_scans_behind_a_false_end_are_counted() -> None:
    data = encoded(PHOTO, "JPEG", progressive=True)
    first = data.index(b"\xff\xda")
    scan = data[first : data.index(b"\xff\xda", first + 2)]
    bomb = data[:first] + scan + segment(0xFE, b"\xff\xd9") + scan * 70 + data[first:]
    with pytest.raises(ImageTooLargeError, match="81 scans; the limit is 64"):
        run(bomb)


def test_scans_of_other_images_behind_the_end_are_not_counted() -> None:
    data = encoded(PHOTO, "JPEG", progressive=True)
    found = layout(data)
    assert found == layout(data * 20)
    assert (len(found.scans[0].components), len(found.scans)) == (3, 10)
    assert not layout(data[:20]).scans


def test_segments_between_scans_are_counted() -> None:
    end = len(FILES["JPEG"]) - 2
    with pytest.raises(ImageTooLargeError, match="more than 4096 segments"):
        run(within("JPEG", end, segment(0xFE) * 4100))


def directory(*entries: tuple[int, int, int, int]) -> bytes:
    return (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + bytes(4)
    )


SIZE = [(256, 3, 1, 40), (257, 3, 1, 30), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
GREY = [*SIZE, (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 30), (279, 4, 1, 1200)]
RATIONALS, SHORTS = 70_000, 600_000


def tiff(*more: tuple[int, int, int, int], behind: bytes = b"") -> bytes:
    start = b"II*\x00" + struct.pack("<I", 8) + directory(*GREY, *more)
    return start.ljust(400, b"\x00") + behind + bytes(8 * RATIONALS + 1300)


@pytest.mark.parametrize(
    "data",
    [
        tiff((282, 5, RATIONALS, 400)),
        tiff((40_000, 3, SHORTS, 0)) + bytes(2 * SHORTS),
    ],
    ids=["resolutions", "numbers"],
)
def test_a_tiff_of_countless_values_is_refused(data: bytes) -> None:
    with pytest.raises(ImageTooLargeError, match="more metadata than can be read"):
        run(data)


@pytest.mark.parametrize(
    "data",
    [
        tiff((0x8769, 4, 1, 400), behind=directory((0x9000, 5, RATIONALS, 430))),
        tiff((0x8825, 3, 1, 400), behind=directory((2, 10, RATIONALS, 430))),
        tiff(
            (0x8769, 13, 1, 400),
            behind=directory((0xA005, 4, 1, 430)) + bytes(12) + directory((2, 5, RATIONALS, 460)),
        ),
        tiff((0x8769, 4, 0, 0), (0x8769, 4, 1, 400), behind=directory((0x9000, 5, RATIONALS, 430))),
    ],
    ids=["in EXIF", "in GPS", "in EXIF's own", "behind an empty entry"],
)
def test_countless_values_beside_a_tiff_are_not_read(data: bytes) -> None:
    started = time.process_time()
    assert run(data)["original"]["format"] == "TIFF"
    assert time.process_time() - started < 1


def test_a_tiff_with_what_programs_write_is_accepted() -> None:
    gps = directory((2, 5, 3, 430))
    assert run(tiff((282, 5, 1, 400), (34675, 7, 500_000, 400), (0x8825, 4, 1, 400), behind=gps))
    assert run(tiff((0x8769, 4, 1, 4_000_000_000)))["original"]["format"] == "TIFF"


def test_a_directory_of_countless_entries_is_refused() -> None:
    entries = b"".join(struct.pack("<HHQQ", tag % 65_536, 3, 1, 0) for tag in range(70_000))
    big = b"II+\x00" + struct.pack("<HHQQ", 8, 0, 16, 70_000) + entries + bytes(8)
    with pytest.raises(ImageTooLargeError, match="more metadata than can be read"):
        run(big)


def test_big_tiff_that_pillow_reads_as_another_is_refused() -> None:
    with pytest.raises(UnsupportedImageError, match="big-endian BigTIFF"):
        run(b"MM\x00+" + FILES["TIFF"][4:])


def exif_of(values: int) -> bytes:
    return (b"II*\x00" + struct.pack("<I", 8) + directory((0x011A, 5, values, 60))).ljust(
        60, b"\x00"
    ) + bytes(8 * values)


def test_countless_orientations_in_an_avif_are_refused() -> None:
    # Pillow's writer would read an orientation itself: it is made of a resolution.
    data = encoded(PHOTO, "AVIF", exif=exif_of(RATIONALS)).replace(
        struct.pack("<HH", 0x011A, 5), b"\x12\x01\x05\x00"
    )
    with pytest.raises(ImageTooLargeError, match="more metadata than can be read"):
        run(data)
    for start in (b"MM\x00+", b"II*\x00"):
        with pytest.raises(ImageTooLargeError, match="more than 1000 blocks of EXIF"):
            run(encoded(PHOTO, "AVIF") + start * 1001)
    assert run(encoded(PHOTO, "AVIF", exif=exif_of(3)))["original"]["width"] == 48


def test_a_directory_with_two_readings_is_weighed_as_pillow_reads_it() -> None:
    entry = struct.pack(">HHII", 0x0112, 5, RATIONALS, 0)
    block = b"MM\x00+" + struct.pack(">IH", 8, 1) + entry
    with pytest.raises(ImageTooLargeError, match="more metadata than can be read"):
        check_exif(b"junk" + block)


@pytest.mark.parametrize(("kind", "expected"), [(3, 6), (4, 6), (2, 1), (5, 1)])
def test_orientation_is_any_whole_number(kind: int, expected: int) -> None:
    exif = b"II*\x00" + struct.pack("<I", 8) + directory((0x0112, kind, 1, 6))
    assert exif_orientation(exif) == expected


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is limited with /proc")
def test_memory_is_limited_and_the_limit_goes_again() -> None:
    before = resource.getrlimit(resource.RLIMIT_DATA)
    with pytest.raises(MemoryError), at_most(10_000_000):
        bytearray(400_000_000)
    with at_most(60_000_000):
        assert len(bytearray(50_000_000)) == 50_000_000
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def test_a_reason_holds_nothing_that_a_terminal_would_obey() -> None:
    with pytest.raises(CorruptImageError) as found, decoding("HEIF", LIMIT):
        raise SyntaxError("item property 'cl\x10\x1b[2J\u202e'\n\x00")
    assert str(found.value) == "this HEIF image is damaged: item property 'cl [2J ' (SyntaxError)"
