"""Shrink a photo of any accepted format to the small image that the model needs. No AWS in this module."""

from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from math import ceil, floor

from PIL import Image

from serialize.contract import SerializeResponse
from serialize.decode import Decoded, decode, decoding
from serialize.pixels import Region, reduced_rgb
from serialize.signature import identify

REACH = 3  # of Lanczos, in pixels of the result
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = {5, 6, 7, 8}

MAX_ASPECT_RATIO = 4  # content farther out hardly affects the centre that the model sees
UNREDUCED_PIXELS = 4_000_000  # up to this size the exact resize uses all pixels
MAX_HELD_PIXELS = 16_000_000  # in memory at once

type Box = tuple[float, float, float, float]

MAX_BASE64 = 131_072  # characters: half of what Step Functions allows a state
MAX_ENCODED_BYTES = MAX_BASE64 // 4 * 3
QUALITIES = (95, 90, 80, 65, 50, 35)
FULL_COLOUR = 80  # at this quality and above, colour is kept at full resolution


def serialize_image(data: bytes, short_side: int, max_pixels: int) -> SerializeResponse:
    """
    Shrink a photo for the model: upright, on white, RGB, its short side at most `short_side` pixels.

    Parameters
    ----------
    data
        The file as uploaded.
    short_side
        The model's input size in pixels.
    max_pixels
        Limit of width x height of the photo.

    Returns
    -------
    SerializeResponse
        At most 128 KiB of base64 and what it was made of.

    Raises
    ------
    UnsupportedImageError, CorruptImageError, ImageTooLargeError
        See `signature.identify` and `decode.decode`.
    """
    kind = identify(data)
    decoded = decode(data, kind, short_side, max_pixels)
    with decoding(kind, max_pixels):
        small = shrink(decoded, short_side)
    image_data, content_type, small = encode(small)
    width, height = decoded.size[::-1] if decoded.orientation in SIDEWAYS else decoded.size
    return {
        "image_data": image_data,
        "content_type": content_type,
        "width": small.width,
        "height": small.height,
        "original": {"format": kind, "width": width, "height": height},
    }


def shrink(decoded: Decoded, short_side: int) -> Image.Image:
    """Bring a decoded image to RGB, to its final size (see `fit`) and upright."""
    target = fit(*decoded.size, short_side)
    box = _scaled(target.box, decoded.scale)
    size = (ceil(decoded.size[0] / decoded.scale), ceil(decoded.size[1] / decoded.scale))
    region = _surroundings(box, size, target.size)
    factor = reduction(region[2] - region[0], region[3] - region[1], short_side)
    reduced = reduced_rgb(decoded.raster, region, factor, decoded.tones)
    small = reduced.resize(target.size, Image.Resampling.LANCZOS, _within(box, region, factor, reduced.size))
    turn = TURNS.get(decoded.orientation)
    return small if turn is None else small.transpose(turn)


def _scaled(box: Box, scale: int) -> Box:
    left, top, right, bottom = box
    return left / scale, top / scale, right / scale, bottom / scale


def _surroundings(box: Box, size: tuple[int, int], result: tuple[int, int]) -> Region:
    # For pixels along the box's edges, Lanczos reads beyond the box.
    reach_x, reach_y = REACH * (box[2] - box[0]) / result[0], REACH * (box[3] - box[1]) / result[1]
    return (
        max(0, floor(box[0] - reach_x)),
        max(0, floor(box[1] - reach_y)),
        min(size[0], ceil(box[2] + reach_x)),
        min(size[1], ceil(box[3] + reach_y)),
    )


def _within(box: Box, region: Region, factor: int, size: tuple[int, int]) -> Box:
    left, top, _, _ = region
    return (
        (box[0] - left) / factor,
        (box[1] - top) / factor,
        min((box[2] - left) / factor, size[0]),
        min((box[3] - top) / factor, size[1]),
    )


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
        Size of the image in pixels, each at least 1.
    short_side
        The model's input size in pixels.
    """
    short, long = min(width, height), max(width, height)
    new_short = min(short, short_side)
    new_long = min(long * new_short // short, MAX_ASPECT_RATIO * new_short)
    # Whole pixels only: an image that is not resized loses equally on the left and on the right, too.
    parity = long if short <= short_side else new_short
    new_long -= (new_long - parity) % 2
    span = new_long * short / new_short
    start = (long - span) / 2
    if width >= height:
        return Fit((start, 0, start + span, height), (new_long, new_short))
    return Fit((0, start, width, start + span), (new_short, new_long))


def reduction(width: int, height: int, short_side: int) -> int:
    """
    Choose the integer factor by which pixels are averaged before the exact resize.

    1 up to four megapixels; beyond, the largest that leaves four times the model's size, and more where the image
    would still be too large to hold.

    Returns
    -------
    int
        At least 1; the short side divided by it is never below `short_side`, if it was not before.
    """
    short, pixels = min(width, height), width * height
    if pixels <= UNREDUCED_PIXELS:
        return 1
    factor = max(1, short // (4 * short_side))
    while pixels > MAX_HELD_PIXELS * factor**2 and short // (factor + 1) >= short_side:
        factor += 1
    return factor


def encode(image: Image.Image) -> tuple[str, str, Image.Image]:
    """
    Encode an RGB image in at most 131072 characters: PNG, else the best JPEG that fits, else a smaller one.

    Returns
    -------
    tuple[str, str, Image.Image]
        Base64, content type, and the image that was encoded.
    """
    content_type, encoded = "image/png", _png(image)
    while len(encoded) > MAX_ENCODED_BYTES:
        content_type, encoded = "image/jpeg", _best_jpeg(image)
        if len(encoded) > MAX_ENCODED_BYTES:
            image = _halved(image)
    return b64encode(encoded).decode("ascii"), content_type, image


def _png(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def _best_jpeg(image: Image.Image) -> bytes:
    for quality in QUALITIES:
        file = BytesIO()
        subsampling = "4:4:4" if quality >= FULL_COLOUR else "4:2:0"
        image.save(file, "JPEG", quality=quality, subsampling=subsampling)
        if file.tell() <= MAX_ENCODED_BYTES:
            break
    return file.getvalue()


def _halved(image: Image.Image) -> Image.Image:
    # This terminates: 256 x 64 pixels fit whatever they show.
    smaller = fit(*image.size, max(1, min(image.size) // 2))
    return image.resize(smaller.size, Image.Resampling.LANCZOS, smaller.box)
