"""Previews: upright JPEGs without metadata of the exact version; hostile files end a child process at most."""

from __future__ import annotations

import io
import os
import re
import signal
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pillow_heif
import pytest
from PIL import Image

from scones.console.decoder_process import MAX_MEMORY_BYTES
from scones.console.decoders import DecoderLimits, Decoders, NotDecodedError
from scones.console.previews import ImageRef, PreviewGoneError, Previews, PreviewSize, _ByteCache
from scones.errors import OBJECT_GONE
from tests.fakes.aws_clients import client_error
from tests.unit.scones.fake_stack import IMAGES

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_PIXELS = 1_000_000


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    decoders = Decoders(DecoderLimits(processes=1))
    yield decoders
    decoders.close()


def encoded(kind: str, size: tuple[int, int] = (60, 40), mode: str = "RGB", **options: Any) -> bytes:
    image = Image.new(mode, size, "red" if mode in {"RGB", "RGBA", "P"} else None)
    image.paste(Image.new(mode, (size[0] // 2, size[1])), (0, 0))
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()


def opened(jpeg: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(jpeg))
    assert image.format == "JPEG"
    image.load()
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"])
def test_every_accepted_format_becomes_a_jpeg_no_larger_than_asked(decoders: Decoders, kind: str) -> None:
    assert opened(decoders.jpeg(encoded(kind), 2048, MAX_PIXELS)).size == (60, 40)
    assert opened(decoders.jpeg(encoded(kind, (600, 300)), 150, MAX_PIXELS)).size == (150, 75)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_every_kind_of_pixels_becomes_a_jpeg(decoders: Decoders, mode: str) -> None:
    assert opened(decoders.jpeg(encoded("TIFF", mode=mode), 2048, MAX_PIXELS)).mode == "RGB"


def test_it_is_upright_and_nothing_of_the_camera_leaves(decoders: Decoders) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "the camera's maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    data = encoded("JPEG", exif=exif, comment=b"a comment")
    preview = decoders.jpeg(data, 2048, MAX_PIXELS)
    assert opened(preview).size == (40, 60)
    assert not opened(preview).getexif()
    assert b"Exif" in data
    assert not any(part in preview for part in (b"Exif", b"maker", b"comment"))


def test_an_animation_shows_its_first_frame(decoders: Decoders) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("blue", "red", "green")]
    file = io.BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    red, _, blue = opened(decoders.jpeg(file.getvalue(), 100, MAX_PIXELS)).getpixel((10, 10))  # type: ignore[misc]
    assert blue > 200 > red


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<!doctype html><script>alert(1)</script>",
        b"%PDF-1.7",
        encoded("PNG")[:80],
        encoded("JPEG", (600, 400))[:900],
        b"\xff\xd8\xff" + bytes(1000),
        encoded("HEIF")[:200],
    ],
    ids=["empty", "svg", "html", "pdf", "cut PNG", "cut JPEG", "zeros", "cut HEIC"],
)
def test_what_is_not_an_image_is_a_sentence(decoders: Decoders, data: bytes) -> None:
    with pytest.raises(NotDecodedError) as refused:
        decoders.jpeg(data, 384, MAX_PIXELS)
    assert "\n" not in str(refused.value)


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(decoders: Decoders) -> None:
    with pytest.raises(NotDecodedError, match="pixels"):
        decoders.jpeg(_png_that_says((60_000, 60_000)), 384, MAX_PIXELS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("JPEG", "RGB", {"progressive": True}),
        ("PNG", "RGBA", {"compress_level": 1}),
        ("TIFF", "I;16", {"compression": "tiff_adobe_deflate"}),
        ("WEBP", "RGB", {"method": 0}),
        ("HEIF", "RGB", {"quality": 50, "enc_params": {"preset": "ultrafast"}, "tile_size": 512}),
    ],
    ids=["JPEG", "PNG with alpha", "TIFF of 16 bits", "WebP", "HEIC"],
)
def test_48_megapixels_become_a_preview(
    decoders: Decoders, kind: str, mode: str, options: dict[str, Any]
) -> None:
    data = encoded(kind, (8000, 6000), mode, **options)
    assert opened(decoders.jpeg(data, 2048, 50_331_648)).size == (2048, 1536)


def test_a_child_that_dies_is_replaced() -> None:
    decoders = Decoders(DecoderLimits(processes=1))
    decoders.jpeg(encoded("PNG"), 384, MAX_PIXELS)
    (child,) = decoders._all
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    with pytest.raises(NotDecodedError, match="time or memory"):
        decoders.jpeg(encoded("PNG"), 384, MAX_PIXELS)
    assert decoders.jpeg(encoded("PNG"), 384, MAX_PIXELS)
    decoders.close()
    assert all(one._process.returncode is not None for one in decoders._all)


def test_a_file_that_takes_too_long_is_given_up() -> None:
    decoders = Decoders(DecoderLimits(processes=1, patience_s=0))
    with pytest.raises(NotDecodedError, match="time or memory"):
        decoders.jpeg(encoded("PNG", (2000, 2000)), 384, 10**8)
    decoders.close()


def test_a_child_has_limits_and_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    decoders = Decoders(DecoderLimits(processes=1))
    decoders.jpeg(encoded("PNG"), 384, MAX_PIXELS)
    (child,) = decoders._all
    process = Path(f"/proc/{child._process.pid}")
    if not process.exists():
        pytest.skip("needs /proc")
    assert b"AWS" not in (process / "environ").read_bytes()
    limits = (process / "limits").read_text()
    assert re.search(rf"Max address space +{MAX_MEMORY_BYTES} ", limits)
    assert re.search(r"Max file size +0 ", limits)
    assert not re.search(r"Max cpu time +unlimited", limits)
    decoders.close()


def test_the_version_that_was_classified_is_shown_after_the_key_has_another(
    s3: S3Client, decoders: Decoders
) -> None:
    s3.put_bucket_versioning(Bucket=IMAGES, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=IMAGES, Key="incoming/a.png", Body=encoded("PNG", (30, 20)))
    s3.put_object(Bucket=IMAGES, Key="incoming/a.png", Body=encoded("PNG", (70, 20)))
    etag = first["ETag"].strip('"')
    previews = Previews(decoders)
    of_version = ImageRef("incoming/a.png", etag, first["VersionId"])
    assert opened(previews.jpeg(s3, IMAGES, of_version, PreviewSize.FULL)).size == (30, 20)
    with pytest.raises(PreviewGoneError, match="replaced"):
        previews.jpeg(s3, IMAGES, ImageRef("incoming/a.png", etag), PreviewSize.FULL)
    with pytest.raises(PreviewGoneError, match="deleted"):
        previews.jpeg(s3, IMAGES, ImageRef("incoming/none.png", etag), PreviewSize.FULL)


@pytest.mark.parametrize("code", sorted(OBJECT_GONE))
def test_what_is_gone_in_review_is_gone_here(decoders: Decoders, code: str) -> None:
    class Bucket:
        def get_object(self, **_named: str) -> None:
            raise client_error(code)

    image = ImageRef("incoming/a.png", "e", "of-another-bucket")
    with pytest.raises(PreviewGoneError, match="deleted"):
        Previews(decoders).jpeg(cast("S3Client", Bucket()), IMAGES, image, PreviewSize.FULL)


def test_a_preview_is_made_once_however_many_ask(s3: S3Client, decoders: Decoders) -> None:
    etag = s3.put_object(Bucket=IMAGES, Key="incoming/a.png", Body=encoded("PNG"))["ETag"].strip('"')
    made = []

    class Counting:
        def jpeg(self, *arguments: Any) -> bytes:
            made.append(arguments)
            return decoders.jpeg(*arguments)

    previews = Previews(Counting())  # type: ignore[arg-type]
    image = ImageRef("incoming/a.png", etag)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(previews.jpeg, s3, IMAGES, image, PreviewSize.THUMB) for _ in range(8)]
        assert len({one.result() for one in asked}) == 1
    assert len(made) == 1


def test_the_cache_keeps_what_was_asked_for_last_up_to_its_bytes() -> None:
    cache = _ByteCache(250)
    made: list[str] = []

    def ask(name: str) -> None:
        def make() -> bytes:
            made.append(name)
            return bytes(100)

        cache.get(name, make)

    for name in ("a", "b", "a", "c", "a", "b"):
        ask(name)
    assert made == ["a", "b", "c", "b"]
    cache.get("huge", lambda: bytes(1000))
    assert cache._size <= 250


def test_a_value_that_two_threads_made_counts_once() -> None:
    cache = _ByteCache(250)
    cache._keep("a", bytes(100))
    cache._keep("a", bytes(100))
    assert cache._size == 100


def _png_that_says(size: tuple[int, int]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
