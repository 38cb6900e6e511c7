import pytest
from hypothesis import given, strategies
from PIL import Image

from serialize.image import fit, reduction
from tests.fakes.pictures import largest_difference, scene

SIDES = strategies.integers(1, 20_000)


@given(SIDES, SIDES, strategies.integers(1, 1024))
def test_the_result_is_small_and_its_square_is_the_centred_square(
    width: int, height: int, short_side: int
) -> None:
    found = fit(width, height, short_side)
    left, top, right, bottom = found.box
    new_width, new_height = found.size
    short = min(new_width, new_height)

    assert short == min(width, height, short_side)
    assert max(new_width, new_height) <= min(4 * short, max(width, height))
    assert left >= 0 <= top
    assert right <= width + 1e-6
    assert bottom <= height + 1e-6
    # The scale is the same both ways, and the centre stays the centre.
    scale = min(width, height) / short
    assert right - left == pytest.approx(new_width * scale)
    assert bottom - top == pytest.approx(new_height * scale)
    assert left + right == pytest.approx(width)
    assert top + bottom == pytest.approx(height)
    # The square lies on whole pixels: of the result, or of the image where that keeps its size.
    if min(width, height) > short_side:
        assert (new_width - new_height) % 2 == 0
    else:
        assert left == int(left)
        assert top == int(top)


@given(SIDES, SIDES, strategies.integers(1, 1024))
def test_a_reduction_never_goes_below_the_model(width: int, height: int, short_side: int) -> None:
    factor = reduction(width, height, short_side)
    assert factor >= 1
    assert factor == 1 or min(width, height) // factor >= short_side


def test_small_images_keep_their_size() -> None:
    assert fit(30, 20, 32).size == (30, 20)
    assert fit(33, 100, 33).size == (33, 100)


def test_long_images_are_cut_about_the_centre() -> None:
    found = fit(1001, 10, 32)
    assert found.size == (39, 10)
    assert found.box == (481, 0, 520, 10)


@pytest.mark.parametrize("size", [(640, 480), (481, 1001), (999, 64), (777, 777), (65, 4000)])
@pytest.mark.parametrize("short_side", [32, 31, 60])
def test_the_square_of_the_result_is_the_resized_square(size: tuple[int, int], short_side: int) -> None:
    image = scene(*size)
    side = min(size)
    left, top = (size[0] - side) / 2, (size[1] - side) / 2
    whole = image.resize(
        (short_side, short_side), Image.Resampling.LANCZOS, (left, top, left + side, top + side)
    )

    found = fit(*size, short_side)
    small = image.resize(found.size, Image.Resampling.LANCZOS, found.box)
    x, y = (small.width - short_side) // 2, (small.height - short_side) // 2
    square = small.crop((x, y, x + short_side, y + short_side))

    assert largest_difference(whole, square) <= 1
