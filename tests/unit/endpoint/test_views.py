"""The views of a picture, and that Serialize makes the same picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from endpoint.errors import ModelFileError
from endpoint.image import read_square
from endpoint.predictor import SHIPPED_MODEL, Predictor
from endpoint.views import CENTRE, VIEWS, WHOLE, ZOOMED, fit, read_picture, short_side, views
from serialize import image as serialize_image
from tests.fakes.models import stated

if TYPE_CHECKING:
    from pathlib import Path

sides = st.integers(1, 9000)


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def bars(width: int, height: int) -> Image.Image:
    """Draw a blue centre square between red ends."""
    picture = Image.new("RGB", (width, height), "red")
    side = min(width, height)
    picture.paste(
        "blue", ((width - side) // 2, (height - side) // 2, (width + side) // 2, (height + side) // 2)
    )
    return picture


@given(sides, sides, st.integers(1, 1024))
def test_serialize_keeps_the_same_part_of_an_image_at_the_same_size(
    width: int, height: int, short: int
) -> None:
    expected = serialize_image.fit(width, height, short)
    assert fit(width, height, short) == (expected.box, expected.size)
    (_, size) = fit(width, height, short)
    assert fit(*size, short) == ((0, 0, *size), size)  # what Serialize made stays as it is


def test_a_square_of_the_models_size_is_seen_once_and_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(views(Image.fromarray(pixels), 32), pixels[None])


def test_such_a_square_has_the_answer_of_the_network_itself(predictor: Predictor) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    (expected,) = predictor.probabilities(pixels)
    assert predictor.predict(png(Image.fromarray(pixels[0]))) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("size", [(96, 64), (64, 96)])
def test_the_centre_leaves_the_ends_out_and_the_whole_keeps_them(size: tuple[int, int]) -> None:
    centre, whole, zoomed = views(bars(*size), 32)
    for view in (centre, zoomed):
        assert (view.argmax(2) == 2).all()
    line = whole[16] if size[0] > size[1] else whole[:, 16]
    assert line[1].argmax() == line[-2].argmax() == 0
    assert line[16].argmax() == 2


def test_the_bars_beside_the_whole_are_equally_wide_and_of_its_mean_colour() -> None:
    for long in range(65, 257, 7):
        picture = Image.new("RGB", (long, 64), "white")
        picture.paste("black", (0, 0, long // 2, 64))
        (whole,) = views(picture, 32, [WHOLE])
        grey = (whole > 100) & (whole < 155)
        rows = np.flatnonzero(grey.all((1, 2)))
        assert np.array_equal(rows, 31 - rows[::-1])


def test_a_turned_picture_has_turned_views() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels).resize((94, 64), Image.Resampling.BICUBIC)
    straight, turned = views(picture, 32), views(picture.transpose(Image.Transpose.ROTATE_180), 32)
    assert np.abs(straight.astype(int) - turned[:, ::-1, ::-1]).max() <= 1


@pytest.mark.parametrize(("short", "count"), [(31, 2), (45, 2), (46, 3), (64, 3)])
def test_a_picture_with_too_few_pixels_is_not_zoomed(short: int, count: int) -> None:
    assert views(Image.new("RGB", (short * 2, short)), 32).shape == (count, 32, 32, 3)


def test_the_answer_is_the_mean_of_the_views(predictor: Predictor) -> None:
    data = png(Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 90, 3), dtype=np.uint8)))
    seen = predictor.probabilities(views(read_picture(data, predictor.picture_size), 32))
    assert predictor.predict(data) == pytest.approx(seen.mean(0), abs=1e-6)


def test_a_model_that_names_no_views_sees_the_centre_alone(tmp_path: Path) -> None:
    content = SHIPPED_MODEL.read_bytes().replace(b"\x05views", b"\x05seens")
    (tmp_path / "old.onnx").write_bytes(content)
    old = Predictor(tmp_path / "old.onnx")
    assert (old.views, old.picture_size) == ((CENTRE,), 32)
    data = png(bars(96, 64))
    (expected,) = old.probabilities(np.asarray(read_square(data, 32))[None])
    assert old.predict(data) == pytest.approx(expected, abs=0.005)


def test_the_shipped_model_needs_pictures_of_twice_its_square(predictor: Predictor) -> None:
    assert (predictor.views, predictor.picture_size) == (VIEWS, 64)
    assert short_side(32, (CENTRE,)) == 32
    assert short_side(32, (CENTRE, ZOOMED)) == 64


def test_a_view_that_is_unknown_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"unknown view 'left'.*centre, whole, zoomed"):
        Predictor(stated(tmp_path / "model.onnx", views="centre,left"))
