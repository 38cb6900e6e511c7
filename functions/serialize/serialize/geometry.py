"""Where the small image lies in the large one, in exact numbers."""

from dataclasses import dataclass

LONGEST = 4  # times the short side; what lies beyond says little about the centre that the model sees
SMALL = 4_000_000  # pixels
LARGEST_HELD = 16_000_000  # pixels

type Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Fit:
    """
    The part of an image that is kept, and the size it gets.

    Attributes
    ----------
    box
        Left, top, right and bottom of the part, in pixels of the image, not rounded.
    size
        Width and height of the result in pixels.
    """

    box: Box
    size: tuple[int, int]


def fit(width: int, height: int, short_side: int) -> Fit:
    """
    Shrink an image until its short side is `short_side`, cut its long side to four times that; never enlarge.

    The result's centred square shows exactly the image's centred square: the difference of its sides is even,
    so the square falls on whole pixels, and the box spans as much of the image as the result has pixels for.
    Resizing that square alone gives the same pixels, which is what the predictor does with the whole image.

    Parameters
    ----------
    width, height
        Size of the image in pixels, both at least 1.
    short_side
        The model's input size in pixels.
    """
    short, long = min(width, height), max(width, height)
    new_short = min(short, short_side)
    new_long = min(long * new_short // short, LONGEST * new_short)
    # Whole pixels only: an image kept at its size loses as much on the left as on the right, too.
    parity = long if short <= short_side else new_short
    new_long -= (new_long - parity) % 2
    span = new_long * short / new_short
    start = (long - span) / 2
    if width >= height:
        return Fit((start, 0, start + span, height), (new_long, new_short))
    return Fit((0, start, width, start + span), (new_short, new_long))


def reduction(width: int, height: int, short_side: int) -> int:
    """
    Choose the whole factor by which pixels are averaged before the exact resize.

    1 up to four megapixels. Beyond, as many as leave four times the model's size, and more where the image
    would still be too large to hold.

    Returns
    -------
    int
        At least 1; the short side divided by it is never below `short_side`, if it was not before.
    """
    short, pixels = min(width, height), width * height
    if pixels <= SMALL:
        return 1
    factor = max(1, short // (4 * short_side))
    while pixels > LARGEST_HELD * factor**2 and short // (factor + 1) >= short_side:
        factor += 1
    return factor
