"""Bursts: pictures of one moment, which may be decided together.

They lie in one folder, arrived within seconds of each other, and look alike: their perceptual hashes differ in few
bits. Each still gets a decision of its own.
"""

import io
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any, Final

from scones.errors import SconesError

if TYPE_CHECKING:
    from scones.decisions.review_image import ReviewImage

type JpegOf = Callable[[ReviewImage], bytes | None]
"""Make a JPEG of an image, outside this process; None where it cannot be shown."""

_APART: Final = timedelta(seconds=10)
_MOST: Final = 20
"""Images that are compared with one; a burst of more is decided in parts."""
_ALIKE_BITS: Final = 10
"""Of 64. Shifted, turned, brighter and recompressed versions of 60 photographs differed in at most 10 bits (98 % of
240), two photographs in 16 or more (1,128 pairs)."""


def burst_of(image: "ReviewImage", waiting: Iterable["ReviewImage"], jpeg_of: JpegOf) -> list["ReviewImage"]:
    """
    Return the images that look like one and arrived with it in its folder; without itself.

    Parameters
    ----------
    waiting
        Images, the oldest first; no more are taken than could belong to the burst.

    Raises
    ------
    SconesError
        When the package that compares pictures is not installed.
    """
    hash_of = cache(lambda one: _hash_of(jpeg_of(one)))
    if (own := hash_of(image)) is None:
        return []
    latest = datetime.fromisoformat(image.arrived) + _APART
    near = takewhile(lambda one: datetime.fromisoformat(one.arrived) <= latest, waiting)
    alike = (
        one
        for one in islice((one for one in near if _is_near(one, image)), _MOST)
        if (other := hash_of(one)) is not None and other - own <= _ALIKE_BITS
    )
    return list(alike)


def _is_near(one: "ReviewImage", image: "ReviewImage") -> bool:
    if (one.key, one.etag) == (image.key, image.etag):
        return False
    if one.key.rpartition("/")[0] != image.key.rpartition("/")[0]:
        return False
    return abs(datetime.fromisoformat(one.arrived) - datetime.fromisoformat(image.arrived)) <= _APART


def _hash_of(jpeg: bytes | None) -> Any:  # noqa: ANN401 (of a package without types)
    try:
        import imagehash  # noqa: PLC0415 (an extra)
        from PIL import Image  # noqa: PLC0415
    except ModuleNotFoundError as error:
        message = f"bursts need the Python package {error.name}: install scones[bursts]"
        raise SconesError(message) from error
    return None if jpeg is None else imagehash.phash(Image.open(io.BytesIO(jpeg)))
