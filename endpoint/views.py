"""Show a picture to the model: first small, then as one or several squares whose answers are averaged.

The Serialize function makes the same small picture with code of its own; a test compares the two. So an upload and what
Serialize made of it have the same views. Training, evaluation and the endpoint all use this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from endpoint.image import MAX_PIXELS, decode, square, upright

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

CENTRE, WHOLE, ZOOMED = "centre", "whole", "zoomed"
VIEWS = (CENTRE, WHOLE, ZOOMED)
"""Names in a model's metadata: the centred square; the whole picture, padded to a square; the middle of the centre."""

MAX_ASPECT_RATIO = 4  # as in Serialize: what lies farther out is cut off
ZOOM = 0.7  # side of the zoomed square relative to the centred one: half of its area
DETAIL = 2  # pixels of a picture's short side for each of the model's, where there is more than one view


def short_side(size: int, names: Sequence[str]) -> int:
    """Return the short side, in pixels, of the pictures that a model needs: the stack's ModelInputSize.

    Parameters
    ----------
    size
        Side of the model's square, in pixels.
    names
        The model's views.
    """
    return size if tuple(names) == (CENTRE,) else DETAIL * size


def read_picture(data: bytes, short: int, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Return an image file as Serialize hands it on: upright, RGB, its short side at most `short` pixels.

    Raises
    ------
    UnreadableImageError, TooManyPixelsError
        See `endpoint.image.decode`.
    """
    found = decode(data, short, max_pixels)
    box, size = fit(*found.size, short)
    across, down = found.extent[0] / found.size[0], found.extent[1] / found.size[1]
    left, top, right, bottom = box
    within = (left * across, top * down, right * across, bottom * down)
    return upright(found.image.resize(size, Image.Resampling.LANCZOS, within), found.orientation)


def fit(width: int, height: int, short: int) -> tuple[tuple[float, float, float, float], tuple[int, int]]:
    """Return the part of an image that is kept (left, top, right, bottom) and the size it gets; never enlarge.

    The long side is cut to four times the short one, and so that the difference of the sides is even: the centred
    square falls on whole pixels.
    """
    small, large = min(width, height), max(width, height)
    new_small = min(small, short)
    new_large = min(large * new_small // small, MAX_ASPECT_RATIO * new_small)
    new_large -= (new_large - (large if small <= short else new_small)) % 2
    span = new_large * small / new_small
    start = (large - span) / 2
    if width >= height:
        return (start, 0, start + span, height), (new_large, new_small)
    return (0, start, width, start + span), (new_small, new_large)


def views(picture: Image.Image, size: int, names: Sequence[str] = VIEWS) -> NDArray[np.uint8]:
    """Return the views of a picture, uint8 [V, size, size, 3]; the model's answer is the mean of theirs.

    A square of the model's size is shown once, as it is. A picture that has too few pixels for the zoomed view
    has none: it would be enlarged.

    Parameters
    ----------
    picture
        What `read_picture` returns.
    size
        Side of the model's square, in pixels.
    names
        The views to show, of VIEWS.
    """
    if picture.size == (size, size):
        return np.asarray(picture)[None]
    short = min(picture.size)
    makers: dict[str, Callable[[Image.Image, int], Image.Image]] = {
        CENTRE: square,
        WHOLE: _whole,
        ZOOMED: _zoomed,
    }
    shown = [name for name in names if name != ZOOMED or ZOOM * short >= size]
    return np.stack([np.asarray(makers[name](picture, size)) for name in shown])


def _whole(picture: Image.Image, size: int) -> Image.Image:
    """Return all of the picture, with bars of its mean colour where its short side ends.

    Training hides parts of images under their mean colour (training.learning.augment), so the network knows it.
    """
    width, height = picture.size
    if width == height:
        return square(picture, size)
    # An even number, so that both bars are as wide as each other.
    narrow = max(2, 2 * round(size * min(width, height) / max(width, height) / 2))
    inner = (size, narrow) if width > height else (narrow, size)
    small = picture.resize(inner, Image.Resampling.LANCZOS)
    red, green, blue = np.asarray(small, np.float64).mean((0, 1)).round().astype(int).tolist()
    padded = Image.new("RGB", (size, size), (red, green, blue))
    padded.paste(small, ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return padded


def _zoomed(picture: Image.Image, size: int) -> Image.Image:
    """Return the middle of the picture's centred square."""
    (width, height), half = picture.size, ZOOM * min(picture.size) / 2
    box = (width / 2 - half, height / 2 - half, width / 2 + half, height / 2 + half)
    return picture.resize((size, size), Image.Resampling.LANCZOS, box)
