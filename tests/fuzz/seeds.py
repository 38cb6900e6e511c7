"""Seeds of the mutations: small valid files of every accepted kind, generated, and responses of endpoints."""

import json
import struct
import zlib
from typing import Any

from PIL import Image, ImageCms, PngImagePlugin

from tests.fakes.pictures import encoded, quarters, scene

ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
LABELS = ("bicycle", "motorcycle")


def images() -> dict[str, bytes]:
    """Name, which starts with the format, and bytes; each file is a few kilobytes and is accepted."""
    photo, flat = scene(48, 40), quarters(40, 32)
    clear = flat.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(clear.size))
    palette = flat.quantize(8)
    exif = turned(6)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a courier", zip=True)
    text.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="8"/>')
    plan: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG baseline", photo, {"quality": 80}),
        ("JPEG progressive", photo, {"progressive": True, "subsampling": 0}),
        ("JPEG CMYK", photo.convert("CMYK"), {"progressive": True}),
        ("JPEG grey with restarts", photo.convert("L"), {"restart_marker_blocks": 2}),
        ("JPEG turned", photo, {"exif": exif, "icc_profile": srgb, "comment": b"a", "dpi": (72, 72)}),
        (
            "JPEG of several (MPO)",
            photo,
            {"format": "MPO", "save_all": True, "append_images": [flat.rotate(90)]},
        ),
        ("PNG", photo, {"pnginfo": text, "exif": exif, "icc_profile": srgb}),
        ("PNG palette", palette, {"transparency": b"\x00\x80\xff"}),
        ("PNG two colours", flat.convert("1"), {}),
        ("PNG 16 bit", deep(photo), {}),
        ("PNG grey, one of them clear", photo.convert("L"), {"transparency": 7}),
        ("PNG alpha", clear, {}),
        ("PNG grey alpha", clear.convert("LA"), {}),
        ("PNG animated", flat, {"save_all": True, "append_images": [flat.rotate(90)]}),
        ("WEBP", photo, {"exif": exif, "icc_profile": srgb}),
        ("WEBP lossless alpha", clear, {"lossless": True}),
        ("WEBP animated", flat, {"save_all": True, "append_images": [flat.rotate(90)]}),
        ("GIF", palette, {"comment": b"a courier", "interlace": 0}),
        ("GIF clear, interlaced", palette, {"transparency": 1, "interlace": 1}),
        (
            "GIF animated",
            flat,
            {"save_all": True, "append_images": [flat.rotate(90)], "loop": 0, "duration": 50},
        ),
        ("BMP", photo, {}),
        ("BMP palette", palette, {}),
        ("BMP two colours", flat.convert("1"), {}),
        ("BMP alpha", clear, {}),
        ("TIFF", photo, {"exif": exif}),
        ("TIFF big", photo, {"big_tiff": True, "icc_profile": srgb}),
        ("TIFF LZW", photo, {"compression": "tiff_lzw", "tiffinfo": {274: 6}}),
        ("TIFF deflate, tiled", photo, {"compression": "tiff_adobe_deflate", "tile_size": (16, 16)}),
        ("TIFF packbits", palette, {"compression": "packbits"}),
        ("TIFF JPEG", photo, {"compression": "jpeg"}),
        ("TIFF fax", flat.convert("1"), {"compression": "group4"}),
        ("TIFF CMYK", photo.convert("CMYK"), {"compression": "tiff_lzw"}),
        ("TIFF 16 bit", deep(photo), {}),
        ("TIFF float", photo.convert("F"), {}),
        ("TIFF pages", flat, {"save_all": True, "append_images": [flat.rotate(90)]}),
        ("HEIF", photo, {"quality": 50, "exif": exif}),
        ("HEIF alpha", clear, {"quality": 50}),
        ("HEIF grey", photo.convert("L"), {}),
        ("HEIF 16 bit", deep(photo), {}),
        ("HEIF tiles", photo.resize((128, 128)), {"tile_size": 64, "quality": 30}),
        ("HEIF several", flat, {"save_all": True, "append_images": [flat.rotate(90)]}),
        ("AVIF", photo, {"quality": 50, "exif": exif, "speed": 10}),
        ("AVIF alpha", clear, {"quality": 50, "speed": 10}),
        ("AVIF animated", flat, {"save_all": True, "append_images": [flat.rotate(90)], "speed": 10}),
    ]
    made = {
        name: encoded(image.copy(), options.pop("format", name.split()[0]), **options)
        for name, image, options in plan
    }
    return made | {"PNG interlaced": interlaced(photo), "BMP run-length": run_length(40, 32)}


def answers() -> list[bytes]:
    """Answers as endpoints give them, and some that they should not give."""
    values: list[Any] = [
        [0.25, 0.75],
        [1, 0],
        [1e-9, 1.0],
        [[0.5, 0.5]],
        {"predictions": [0.1, 0.9]},
        [],
        None,
    ]
    odd = [
        "[NaN, 1]",
        "[Infinity, -Infinity]",
        "0.25,0.75\n",
        "[1e400, 0]",
        '["\\ud800"]',
        "[true, false]",
        "[" * 50,
    ]
    return [json.dumps(value).encode() for value in values] + [
        *(text.encode() for text in odd),
        "\ufeff[0.5, 0.5]".encode(),
        "[0.5, 0.5]".encode("utf-16"),
        "[0.5, 0.5]".encode("utf-32-le"),
        b"[0.5, 0.5]\x00",
        b"\xed\xa0\x80",
        b'{"a": 1, "a": [0.5, 0.5]}',
    ]


def turned(orientation: int) -> bytes:
    """An EXIF block with an orientation, a resolution and a subdirectory."""
    exif = Image.Exif()
    exif[0x0112], exif[0x011A], exif[0x0128] = orientation, 72.0, 2
    exif.get_ifd(0x8769)[0x9003] = "2024:01:01 00:00:00"
    return exif.tobytes()


def deep(image: Image.Image) -> Image.Image:
    """Sixteen bits of grey."""
    return image.convert("I").point(lambda value: value * 257).convert("I;16")


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced(image: Image.Image) -> bytes:
    """A PNG in Adam7 order, which Pillow reads and does not write."""
    rows = b""
    for left, top, across, down in ADAM7:
        for y in range(top, image.height, down):
            row = b"".join(bytes(image.getpixel((x, y))) for x in range(left, image.width, across))  # type: ignore[arg-type]
            rows += b"\x00" + row
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 1)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def run_length(width: int, height: int) -> bytes:
    """A BMP of RLE8, which Pillow reads and does not write: one run and one end of line for each row."""
    rows = b"".join(bytes([width, row % 4, 0, 0]) for row in range(height)) + b"\x00\x01"
    colours = b"".join(bytes([level, level, 255 - level, 0]) for level in range(256))
    start = 14 + 40 + len(colours)
    file = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 2835, 2835, 256, 0)
    return file + info + colours + rows


def with_checksums(data: bytes) -> bytes:
    """Correct the checksums of a PNG's chunks: otherwise damage in them is never decoded."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    mended = bytearray(data)
    at = 8
    while at + 12 <= len(mended):
        end = at + 8 + int.from_bytes(mended[at : at + 4])
        if end + 4 > len(mended):
            break
        mended[end : end + 4] = struct.pack(">I", zlib.crc32(mended[at + 4 : end]))
        at = end + 4
    return bytes(mended)
