"""Bursts: what looks alike and arrived together in one folder, and nothing else."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from scones.decisions.bursts import burst_of
from scones.decisions.review_image import ReviewImage
from scones.errors import SconesError


def image(name: str, second: int = 0) -> ReviewImage:
    return ReviewImage(f"incoming/{name}", f"etag of {name}", arrived=f"2026-11-01T10:00:{second:02}Z")


def scene(seed: int) -> Image.Image:
    picture = Image.new("RGB", (320, 240), (40 * seed % 256, 200, 90))
    draw = ImageDraw.Draw(picture)
    for number in range(9):
        x, y = (97 * number * (seed + 1)) % 280, (61 * number * (seed + 2)) % 200
        draw.ellipse((x, y, x + 50, y + 60), fill=(25 * number, 255 - 25 * number, 90 * seed % 256))
    return picture


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=60)
    return file.getvalue()


@pytest.fixture
def pictures() -> dict[str, Any]:
    first = scene(1)
    return {
        "incoming/trip/1.jpg": jpeg(first),
        "incoming/trip/2.jpg": jpeg(first.crop((4, 3, 320, 240)).resize((320, 240))),
        "incoming/trip/3.jpg": jpeg(ImageEnhance.Brightness(first).enhance(1.1)),
        "incoming/trip/late.jpg": jpeg(first),
        "incoming/trip/other.jpg": jpeg(scene(4)),
        "incoming/trip/hidden.jpg": None,
        "incoming/trip/below/1.jpg": jpeg(first),
        "incoming/home/1.jpg": jpeg(first),
    }


def test_what_looks_alike_and_arrived_together_in_one_folder_is_a_burst(pictures: dict[str, Any]) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    shown = image("trip/1.jpg", 5)
    waiting = [
        shown,
        image("trip/2.jpg", 6),
        image("trip/3.jpg", 15),
        image("trip/late.jpg", 16),
        image("trip/other.jpg", 5),
        image("trip/hidden.jpg", 5),
        image("trip/below/1.jpg", 5),
        image("home/1.jpg", 5),
    ]
    found = burst_of(shown, waiting, lambda one: pictures[one.key])
    assert [one.key for one in found] == ["incoming/trip/2.jpg", "incoming/trip/3.jpg"]


def test_only_what_could_be_in_the_burst_is_decoded(pictures: dict[str, Any]) -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    decoded: list[str] = []

    def jpeg_of(one: ReviewImage) -> bytes | None:
        decoded.append(one.key)
        return jpeg(scene(1))

    shown = image("trip/1.jpg")
    burst_of(shown, [image("home/1.jpg"), image("trip/late.jpg", 40), shown], jpeg_of)
    assert decoded == [shown.key]
    assert burst_of(image("trip/1.jpg"), [image("trip/2.jpg")], lambda _one: None) == []


def test_at_most_twenty_images_are_compared() -> None:
    pytest.importorskip("imagehash", reason="imagehash is not installed (scones[bursts])")
    one = jpeg(scene(1))
    found = burst_of(image("0.jpg"), [image(f"{number}.jpg") for number in range(1, 100)], lambda _one: one)
    assert len(found) == 20


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagehash", None)
    with pytest.raises(SconesError, match=r"install scones\[bursts\]"):
        burst_of(image("a.jpg"), [], lambda _one: jpeg(scene(1)))
