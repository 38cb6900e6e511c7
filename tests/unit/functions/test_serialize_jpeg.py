"""JPEGs that lost data behind the decoder's back, and whole ones that only look damaged."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from serialize.decode import decode
from serialize.errors import CorruptImageError, UnsupportedImageError
from serialize.image import serialize_image
from serialize.jpeg import layout
from serialize.pixels import Raster
from tests.fakes.file_parts import segment
from tests.fakes.pictures import encoded, quarters, scene

LIMIT = 50_000_000
END = b"\xff\xd9"
PHOTO = scene(320, 240).resize((640, 480))  # grain as of a photo
VARIANTS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "optimized": {"optimize": True},
    "full colour": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_rows": 1},
    "short restart intervals": {"restart_marker_blocks": 5},
}
FILES = {name: encoded(PHOTO, "JPEG", **options) for name, options in VARIANTS.items()}
FILES["grey"] = encoded(PHOTO.convert("L"), "JPEG")
FILES["CMYK"] = encoded(PHOTO.convert("CMYK"), "JPEG")
FILES["flat"] = encoded(Image.new("RGB", (640, 480), (128, 128, 128)), "JPEG")
FILES["odd size"] = encoded(PHOTO.resize((333, 217)), "JPEG", restart_marker_rows=2)


def run(data: bytes) -> dict[str, Any]:
    return dict(serialize_image(data, 32, LIMIT))


def coded(data: bytes, tenth: int) -> int:
    start = data.index(b"\xff\xda") + 14
    return start + (len(data) - 2 - start) * tenth // 10


def whole(raster: Raster) -> Image.Image:
    """Return all of the pixels; a JPEG's are decoded by Pillow."""
    assert isinstance(raster, Image.Image)
    return raster


@pytest.mark.parametrize("name", FILES)
def test_the_pixels_are_those_that_pillow_decodes(name: str) -> None:
    data = FILES[name]
    for short_side in (32, 1024):
        decoded = decode(data, "JPEG", short_side, LIMIT)
        with Image.open(BytesIO(data)) as plain:
            plain.draft(None, (4 * short_side, 4 * short_side))
            assert (
                ImageChops.difference(plain.convert("RGB"), whole(decoded.raster).convert("RGB")).getbbox()
                is None
            )


@pytest.mark.parametrize("tenth", range(1, 10))
@pytest.mark.parametrize("name", sorted(FILES.keys() - {"flat"}))
def test_an_end_marker_does_not_hide_that_data_are_missing(name: str, tenth: int) -> None:
    data = FILES[name]
    with pytest.raises(CorruptImageError, match="truncated"):
        run(data[: coded(data, tenth)] + END)


@pytest.mark.parametrize("tenth", range(1, 9))
@pytest.mark.parametrize("name", ["baseline", "optimized", "restart markers", "short restart intervals"])
@pytest.mark.parametrize("lost", ["zeroed", "cut out", "zeroed to the end"])
def test_a_jpeg_that_lost_its_middle_is_corrupt(name: str, tenth: int, lost: str) -> None:
    data = FILES[name]
    at = coded(data, tenth)
    damaged = {
        "zeroed": data[:at] + bytes(2000) + data[at + 2000 :],
        "cut out": data[:at] + data[at + 2000 :],
        "zeroed to the end": data[:at] + bytes(len(data) - at),
    }[lost]
    with pytest.raises(CorruptImageError):
        run(damaged)


def test_a_progressive_jpeg_without_its_last_scans_is_corrupt() -> None:
    data = FILES["progressive"]
    scans = layout(data).scans
    for scan in scans[:-1]:
        with pytest.raises(CorruptImageError, match="truncated"):
            run(data[: scan.end] + END)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("end", [b"", b"\xff", b"\xff\xff\xff"])
def test_only_the_end_marker_may_be_missing(name: str, end: bytes) -> None:
    assert run(FILES[name].removesuffix(END) + end) == run(FILES[name])


@pytest.mark.parametrize("more", [bytes(5), b"\x00\xff\xd9", FILES["baseline"], bytes(100_000)])
def test_what_follows_the_end_does_not_matter(more: bytes) -> None:
    assert run(FILES["baseline"] + more) == run(FILES["baseline"])


@pytest.mark.parametrize("padding", [b"\x00", b"\xff\x00" * 4, bytes(8), b"\xff" * 400])
def test_a_little_padding_behind_the_data_is_usual(padding: bytes) -> None:
    for name in ("baseline", "progressive", "restart markers"):
        assert run(FILES[name][:-2] + padding + END) == run(FILES[name])


@pytest.mark.parametrize(
    "short",
    [
        segment(0xE0, b"JFIF\x00"),
        segment(0xE0, b"JFIF"),
        segment(0xE2, b"ICC_PROFILE\x00"),
        segment(0xE1),
        segment(0xEE),
    ],
    ids=["JFIF of 7 bytes", "JFIF of 6", "colour profile", "EXIF", "Adobe"],
)
@pytest.mark.parametrize("alone", [False, True])
def test_a_segment_that_is_too_short_does_not_lose_the_picture(short: bytes, alone: bool) -> None:
    data = FILES["baseline"]
    rest = data[2 + 2 + int.from_bytes(data[4:6]) :] if alone else data[2:]
    assert run(data[:2] + short + rest) == run(data)


@pytest.mark.parametrize(
    ("marker", "depth", "reason"),
    [
        (0xC1, 12, "12 bits per colour; the limit is 8"),
        (0xC3, 8, "a lossless JPEG"),
        (0xC3, 14, "a lossless JPEG"),
        (0xC5, 8, "a hierarchical JPEG"),
        (0xF7, 8, "a JPEG-LS image"),
    ],
)
def test_a_kind_of_jpeg_that_is_not_decoded_is_unsupported(marker: int, depth: int, reason: str) -> None:
    data = bytearray(FILES["baseline"])
    at = data.index(b"\xff\xc0")
    data[at + 1], data[at + 4] = marker, depth
    with pytest.raises(UnsupportedImageError, match=reason):
        run(bytes(data))


def test_a_grey_photo_is_not_taken_for_a_damaged_one() -> None:
    # What libjpeg fills a gap with looks like this.
    result = run(FILES["flat"])
    assert result["original"] == {"format": "JPEG", "width": 640, "height": 480}


def test_too_many_restart_markers_are_not_probed_one_by_one() -> None:
    data = encoded(scene(1200, 900), "JPEG", restart_marker_blocks=1)
    assert run(data)["original"]["width"] == 1200
    with pytest.raises(CorruptImageError):
        run(data[: coded(data, 5)] + END)


def test_a_photo_in_quarters_keeps_its_colours() -> None:
    decoded = decode(encoded(quarters(), "JPEG"), "JPEG", 32, LIMIT)
    assert max(ImageStat.Stat(ImageChops.difference(whole(decoded.raster), quarters())).mean) < 4
