"""Decoding, and the one decision of how an image becomes the model's square."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from endpoint.errors import TooManyPixelsError, UnreadableImageError
from endpoint.image import decode, read_square, square


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def difference(one: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(one, float) - np.asarray(other, float)).mean())


def test_an_image_of_the_models_size_is_left_as_it_is(scene: Image.Image) -> None:
    small = scene.resize((32, 32))
    assert square(small, 32) is small


def test_the_square_is_the_centre_of_either_orientation() -> None:
    wide = Image.new("RGB", (96, 32), "red")
    wide.paste("blue", (32, 0, 64, 32))
    for image in (wide, wide.transpose(Image.Transpose.ROTATE_90)):
        assert square(image, 32).getcolors() == [(1024, (0, 0, 255))]


@pytest.mark.parametrize("size", [(33, 32), (32, 35), (101, 57), (7, 5), (1, 1), (1, 900)])
def test_any_size_becomes_the_square(size: tuple[int, int]) -> None:
    assert square(Image.new("RGB", size), 32).size == (32, 32)


def test_an_odd_margin_is_halved_to_half_a_pixel() -> None:
    mirror = Image.Transpose.FLIP_LEFT_RIGHT
    ramp = Image.fromarray(np.tile(np.arange(35, dtype=np.uint8) * 7, (32, 1)))
    assert difference(square(ramp, 32).transpose(mirror), square(ramp.transpose(mirror), 32)) <= 0.1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(scene: Image.Image, orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # the transposition that, undone, shows the scene
    stored = scene if orientation == 1 else scene.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = read_square(encoded(stored, exif=exif), 32)
    assert difference(upright, square(scene, 32)) < 0.2


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_is_no_reason_to_refuse(scene: Image.Image) -> None:
    data = encoded(scene, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff broken")
    assert decode(data, 32).image.mode == "RGB"


def test_alpha_is_composited_on_white() -> None:
    clear = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert decode(encoded(clear), 32).image.getpixel((5, 5)) == (255, 255, 255)
    half = Image.new("LA", (40, 40), (0, 128))
    assert decode(encoded(half), 32).image.getpixel((5, 5)) == (127, 127, 127)
    palette = Image.new("P", (40, 40), 3)
    palette.putpalette([0, 0, 200] * 256)
    assert decode(encoded(palette, transparency=3), 32).image.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "I;16"), ("TIFF", "I;16"), ("TIFF", "I;16B")])
def test_deep_grey_is_scaled_not_clipped(kind: str, mode: str) -> None:
    order = ">u2" if mode.endswith("B") else "<u2"
    ramp = np.linspace(0, 65535, 64).astype(order)
    deep = Image.frombytes(mode, (64, 64), np.tile(ramp, (64, 1)).tobytes())
    row = np.asarray(decode(encoded(deep, kind), 32).image)[0, :, 0]
    assert np.abs(row - ramp.astype(float) / 257).max() <= 1


@pytest.mark.parametrize(("highest", "expected"), [(1.0, 255), (200.0, 200), (65535.0, 255), (1e6, 255)])
def test_float_grey_is_scaled_by_its_range(highest: float, expected: int) -> None:
    image = Image.new("F", (40, 40), highest)
    assert decode(encoded(image, "TIFF"), 32).image.getpixel((5, 5)) == (expected,) * 3


def test_a_large_jpeg_is_decoded_no_smaller_than_four_inputs(scene: Image.Image) -> None:
    data = encoded(scene.resize((2000, 1500)), "JPEG")
    assert decode(data, 32).image.size == (250, 188)
    assert min(decode(encoded(scene, "JPEG"), 32).extent) >= 128


def test_a_reduced_jpeg_covers_part_of_its_last_pixels(scene: Image.Image) -> None:
    decoded = decode(encoded(scene.resize((970, 606)), "JPEG"), 32)
    assert decoded.image.size == (243, 152)
    assert decoded.extent == (242.5, 151.5)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_jpeg_colours_become_rgb(scene: Image.Image, mode: str) -> None:
    assert decode(encoded(scene.convert(mode), "JPEG"), 32).image.mode == "RGB"


def test_the_first_frame_of_an_animation_counts() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode(data, 32).image.getpixel((5, 5)) == (255, 0, 0)


def png_header(width: int, height: int) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [7_100, 60_000])
def test_pixels_are_counted_before_they_are_decoded(side: int) -> None:
    with pytest.raises(TooManyPixelsError, match="pixels"):
        decode(png_header(side, side), 32)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0" + b"\0" * 50]
)
def test_what_is_no_image_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(UnreadableImageError) as caught:
        decode(data, 32)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP"])
def test_a_truncated_image_is_refused(scene: Image.Image, kind: str) -> None:
    data = encoded(scene, kind)
    with pytest.raises(UnreadableImageError):
        decode(data[: len(data) // 2], 32)


@pytest.mark.parametrize("depth", [2, 4, 8, 16])
def test_a_transparent_grey_is_white_at_every_depth(depth: int) -> None:
    key = 2**depth // 2
    shades = [0, key - 1, key, key + 1]
    bits = "".join(f"{shade:0{depth}b}" for shade in shades)
    row = b"\x00" + int(bits, 2).to_bytes(len(bits) // 8)
    header = struct.pack(">IIBBBBB", 4, 4, depth, 0, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"tRNS", struct.pack(">H", key)),
        (b"IDAT", zlib.compress(row * 4)),
        (b"IEND", b""),
    ]
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in parts
    )
    found = [decode(data, 32).image.getpixel((x, 1))[0] for x in range(4)]  # type: ignore[index]
    assert found == [255 if shade == key else shade * 255 // (2**depth - 1) for shade in shades]


@pytest.mark.parametrize(("alpha", "expected"), [(0, (255, 0, 0)), (255, (255, 0, 0))])
def test_a_bitmap_whose_alpha_nobody_filled_in_is_opaque(alpha: int, expected: tuple[int, int, int]) -> None:
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII4I", 124, 2, 2, 1, 32, 3, 16, 0, 0, 0, 0, *masks) + bytes(68)
    pixels = struct.pack("<I", alpha << 24 | 0xFF0000) * 4
    data = b"BM" + struct.pack("<IHHI", 138 + len(pixels), 0, 0, 138) + header + pixels
    assert decode(data, 32).image.getpixel((1, 1)) == expected


def test_exif_decides_where_xmp_says_something_else(scene: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 1
    data = encoded(scene, "JPEG", exif=exif, xmp=b'<x:xmpmeta><r tiff:Orientation="6"/></x:xmpmeta>')
    assert decode(data, 32).orientation == 1
