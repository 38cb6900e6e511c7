"""HEIC as phones write it, read straight from libheif's buffer: 48 megapixels would not fit twice."""

from typing import cast

import pillow_heif
from PIL import Image

import budget
from pixels import Region

DEEP = 8  # bits; above, libheif computes with twice the bytes


class HeifRaster:
    """
    The primary image of a HEIF file, decoded to 8 bits and upright (libheif turns it).

    Parameters
    ----------
    data
        The file.
    max_pixels
        Limit of width x height.

    Raises
    ------
    ImageTooLargeError
        Before decoding.
    ValueError, EOFError, SyntaxError, RuntimeError, OSError
        Whatever libheif makes of a damaged file.
    """

    def __init__(self, data: bytes, max_pixels: int) -> None:
        file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
        image = file[file.primary_index]
        self.mode: str = image.mode
        budget.check_pixels(*image.size, max_pixels)
        needed = budget.heif_bytes(
            image.size[0] * image.size[1],
            chroma=cast("int", image.info.get("chroma", 444)),
            deep=cast("int", image.info["bit_depth"]) > DEEP,
            alpha=image.mode.lower().endswith("a"),
        )
        budget.check_memory(needed + len(data), "HEIC of its kind", *image.size)
        self._pixels, self._stride = memoryview(image.data), image.stride
        self.size: tuple[int, int] = image.size  # may have changed in decoding
        self._owner = image

    def crop(self, box: Region, /) -> Image.Image:
        """Copy a part; left, top, right and bottom lie within the image."""
        left, top, right, bottom = box
        rows = self._pixels[top * self._stride : bottom * self._stride]
        band = Image.frombytes(self.mode, (self.size[0], bottom - top), rows, "raw", self.mode, self._stride)
        return band.crop((left, 0, right, bottom - top))
