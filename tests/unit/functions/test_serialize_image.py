"""Every accepted kind of image to the model's size: upright, on white, RGB, within 128 KiB."""

from base64 import b64decode
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageStat

from endpoint.image import read_square, square
from serialize.errors import UnsupportedImageError
from serialize.image import encode, serialize_image
from tests.fakes.pictures import (
    BLUE,
    FORMATS,
    GREEN,
    RED,
    TURNED_BACK,
    YELLOW,
    alike,
    coloured_grain,
    corners,
    encoded,
    largest_difference,
    quarters,
    scene,
)

LIMIT = 50_000_000
QUARTERS = [RED, GREEN, BLUE, YELLOW]


def serialized(data: bytes, short_side: int = 32) -> tuple[Mapping[str, Any], Image.Image]:
    result = serialize_image(data, short_side, LIMIT)
    assert len(result["image_data"]) <= 131_072
    image = Image.open(BytesIO(b64decode(result["image_data"], validate=True)))
    image.load()
    assert image.get_format_mimetype() == result["content_type"]
    assert image.size == (result["width"], result["height"])
    assert image.mode == "RGB"
    return result, image


def assert_quarters(image: Image.Image, tolerance: int = 25) -> None:
    found = corners(image)
    assert all(alike(a, b, tolerance) for a, b in zip(found, QUARTERS, strict=True)), found


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_accepted(kind: str) -> None:
    result, image = serialized(encoded(quarters(), kind))
    assert result["original"] == {"format": kind, "width": 160, "height": 120}
    assert image.size == (42, 32)
    assert_quarters(image)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_exif_orientation_is_applied(kind: str, turn: int) -> None:
    stored = quarters() if turn == 1 else quarters().transpose(TURNED_BACK[turn])
    exif = Image.Exif()
    exif[0x0112] = turn
    options = {"tiffinfo": {0x0112: turn}} if kind == "TIFF" else {"exif": exif.tobytes()}
    result, image = serialized(encoded(stored, kind, **options))
    assert (result["original"]["width"], result["original"]["height"]) == (160, 120)
    assert_quarters(image)


def test_a_heic_is_turned_by_its_own_box_alone() -> None:
    # Phones write both; the standard says that EXIF is then for information only.
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(quarters(), "HEIF", exif=exif.tobytes()).replace(b"irot", b"free")
    _, image = serialized(data)
    assert_quarters(image)


def test_xmp_orientation_counts_where_exif_has_none() -> None:
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    _, image = serialized(encoded(quarters().transpose(TURNED_BACK[6]), "JPEG", xmp=xmp))
    assert_quarters(image)


@pytest.mark.parametrize(
    "exif",
    [b"Exif\x00\x00", b"Exif\x00\x00MM\x00*\xff\xff\xff\xff", b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff"],
)
def test_broken_exif_does_not_lose_the_image(exif: bytes) -> None:
    _, image = serialized(encoded(quarters(), "JPEG", exif=exif))
    assert_quarters(image)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_what_is_transparent_is_white(mode: str) -> None:
    left = Image.new("L", (64, 64), 0)
    left.paste(255, (0, 0, 32, 64))
    image = Image.new("P" if mode == "PA" else "RGB", (64, 64), 0)
    image.putalpha(left)
    _, small = serialized(encoded(image.convert(mode), "TIFF" if mode == "PA" else "PNG"))
    assert small.getpixel((4, 16)) == (0, 0, 0)
    assert small.getpixel((28, 16)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(kind: str) -> None:
    image = Image.new("P", (64, 64), 1)
    image.putpalette([0, 0, 0, 10, 20, 30])
    image.paste(0, (0, 0, 32, 64))
    _, small = serialized(encoded(image, kind, transparency=1))
    assert small.getpixel((4, 16)) == (0, 0, 0)
    assert small.getpixel((28, 16)) == (255, 255, 255)


def test_half_transparent_is_half_white() -> None:
    _, small = serialized(encoded(Image.new("RGBA", (50, 50), (0, 0, 0, 128)), "WEBP", lossless=True))
    assert largest_difference(small, Image.new("RGB", small.size, (127, 127, 127))) <= 2


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I"), ("TIFF", "F")])
def test_deep_grey_is_scaled_not_clipped(kind: str, mode: str) -> None:
    ramp = Image.linear_gradient("L")
    full = {"I;16": 257, "I": 257, "F": 1 / 255}[mode]
    deep = ramp.convert("F").point(lambda value: value * full + 0.0)
    deep = deep.convert("I").convert("I;16") if mode == "I;16" else deep.convert(mode)
    _, small = serialized(encoded(deep, kind))
    expected = ramp.resize((32, 32), Image.Resampling.LANCZOS).convert("RGB")
    assert largest_difference(small, expected) <= 2


def test_sixteen_bit_colour_with_a_transparent_colour() -> None:
    result, _ = serialized(encoded(Image.new("RGB", (40, 40), RED), "PNG", transparency=(65535, 0, 0)))
    assert result["original"]["format"] == "PNG"


@pytest.mark.parametrize("mode", ["1", "L", "CMYK", "YCbCr"])
def test_other_colour_models(mode: str) -> None:
    kind = "PNG" if mode == "1" else "JPEG"
    _, small = serialized(encoded(quarters().convert(mode), kind))
    expected = quarters().convert(mode).convert("RGB").resize((42, 32))
    assert ImageStat.Stat(ImageChops.difference(small, expected)).mean < [12, 12, 12]


def test_lab_is_unsupported() -> None:
    data = encoded(Image.new("LAB", (8, 8)), "TIFF")
    with pytest.raises(UnsupportedImageError, match="8-bit Lab"):
        serialize_image(data, 32, LIMIT)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"])
def test_the_first_frame_counts(kind: str) -> None:
    other = Image.new("RGB", (160, 120), "black")
    _, image = serialized(encoded(quarters(), kind, save_all=True, append_images=[other, other]))
    assert_quarters(image)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 9), (31, 33), (4000, 33)])
@pytest.mark.parametrize("short_side", [1, 32, 1024])
def test_odd_sizes(size: tuple[int, int], short_side: int) -> None:
    result, image = serialized(encoded(Image.new("RGB", size, RED), "PNG"), short_side)
    assert min(image.size) == min(short_side, *size)
    assert max(image.size) <= 4 * min(image.size)
    assert (result["original"]["width"], result["original"]["height"]) == size


@pytest.mark.parametrize("short_side", [224, 512, 1024])
def test_noise_fits_whatever_the_model_wants(short_side: int) -> None:
    result, _ = serialized(encoded(coloured_grain(2100, 1100, 90), "BMP"), short_side)
    assert result["content_type"] == "image/jpeg"


def test_a_result_that_no_jpeg_makes_fit_is_made_smaller() -> None:
    image_data, content_type, image = encode(coloured_grain(2800, 700, 120))
    assert len(image_data) <= 131_072
    assert content_type == "image/jpeg"
    assert image.width == 4 * image.height < 2800


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {}), ("PNG", {"compress_level": 1}), ("TIFF", {})])
@pytest.mark.parametrize("size", [(1600, 1200), (700, 2111), (2500, 2000)])
@pytest.mark.parametrize("short_side", [32, 96])
def test_the_predictor_sees_the_same_as_of_the_whole_image(
    kind: str, options: dict[str, Any], size: tuple[int, int], short_side: int
) -> None:
    data = encoded(scene(*size), kind, **options)
    whole = read_square(data, short_side)
    _, small = serialized(data, short_side)
    shrunk = square(small, short_side)
    assert max(ImageStat.Stat(ImageChops.difference(whole, shrunk)).mean) < 1.5
    assert largest_difference(whole, shrunk) <= 12


def test_a_sharp_edge_outside_the_limits_of_bands_leaves_no_seam() -> None:
    plain = Image.new("RGB", (3001, 2503), (90, 120, 150))
    _, small = serialized(encoded(plain, "BMP"))
    assert small.getextrema() == ((90, 90), (120, 120), (150, 150))
