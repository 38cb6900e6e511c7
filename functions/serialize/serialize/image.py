"""A photo of any accepted kind to the small image that the model needs. Nothing here knows of AWS."""

from math import ceil, floor

from PIL import Image

from contract import SerializeResponse
from decode import Decoded, decode, decoding
from geometry import Box, fit, reduction
from payload import encode
from pixels import Region, reduced_rgb
from signature import identify

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
    """Bring a decoded image to RGB, to its final size (see `geometry.fit`) and upright."""
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
    # Lanczos looks beyond the box for the pixels along its edges.
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
