"""Properties that must hold for any bytes; shared by the property-based tests and the fuzz targets."""

import math
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from time import process_time
from typing import Any

from PIL import Image

MAX_PIXELS, INPUT_SIZE = 50_331_648, 32  # the template's defaults
MAX_SECONDS = 3.0  # of processor time
MAX_MIB = 512
FUNCTION_MIB = 96  # what Python, boto3 and the decoders hold in Lambda before a file arrives; measured
TYPED = {"UnsupportedImageError", "CorruptImageError", "ImageTooLargeError"}
FORMATS = {"JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIF", "AVIF"}
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class ViolationError(AssertionError):
    """A property was violated."""


@dataclass(slots=True)
class Cost:
    """CPU time in seconds, and the largest growth of the process in MiB; 0 if unknown."""

    seconds: float = 0.0
    mib: float = 0.0


@contextmanager
def measured() -> Iterator[Cost]:
    """Measure a block; the result is filled in at its end, whether it failed or not."""
    cost, before, started = Cost(), _memory_reset(), process_time()
    try:
        yield cost
    finally:
        cost.seconds = process_time() - started
        cost.mib = _memory("VmHWM") - before if before else 0.0


def within_bounds(cost: Cost) -> None:
    """
    Check a cost against the function's limits.

    Raises
    ------
    ViolationError
        With the number.
    """
    if cost.seconds > MAX_SECONDS:
        raise ViolationError(f"took {cost.seconds:.1f} s; the limit is {MAX_SECONDS} s")
    if cost.mib > MAX_MIB - FUNCTION_MIB:
        raise ViolationError(f"took {cost.mib:.0f} MiB; the limit is {MAX_MIB - FUNCTION_MIB} MiB")


def image_outcome(serialize: Callable[..., Any], data: bytes, short_side: int = INPUT_SIZE) -> str:
    """
    Pass bytes to Serialize's rules.

    Parameters
    ----------
    serialize
        `serialize_image`.

    Returns
    -------
    str
        "accepted", or the name of the typed error.

    Raises
    ------
    ViolationError
        When an accepted image breaks the contract, or an error's reason is not readable.
    Exception
        Any untyped error.
    """
    try:
        result = serialize(data, short_side, MAX_PIXELS)
    except Exception as error:
        if type(error).__name__ not in TYPED:
            raise
        reason = str(error)
        _hold(10 < len(reason) < 400, f"reason of {len(reason)} characters")
        _hold(reason.isprintable(), f"reason that cannot be printed: {reason!r}")
        return type(error).__name__
    _hold_contract(result, short_side)
    return "accepted"


def answer_outcome(parse: Callable[..., Any], answer: bytes, labels: tuple[str, ...]) -> str:
    """
    Pass bytes to Classify's parser; returns and raises like `image_outcome`.

    Parameters
    ----------
    parse
        `parse_probabilities`.
    """
    try:
        found = parse(answer, labels)
    except Exception as error:
        if type(error).__name__ != "InvalidPredictionError":
            raise
        reason = str(error)
        _hold(10 < len(reason) < 400, f"reason of {len(reason)} characters")
        _hold(reason.isprintable(), f"reason that cannot be printed: {reason!r}")
        return type(error).__name__
    _hold(type(found) is list and all(type(value) is float for value in found), f"not floats: {found!r:.100}")
    _hold(len(found) == len(labels), f"{len(found)} values for {len(labels)} labels")
    _hold(all(math.isfinite(value) and 0 <= value <= 1 for value in found), f"not probabilities: {found}")
    missed = max(
        1e-3, min(5e-4 * len(found), 5e-2)
    )  # a float error, or what rounding to three digits explains
    _hold(abs(math.fsum(found) - 1) <= missed, f"sum is {math.fsum(found)}")
    return "accepted"


def peak_mib(so_far: float) -> float:
    """Peak of the process since `measured` was last entered, or what was known, whichever is more."""
    return max(so_far, _memory("VmHWM")) if STATUS.exists() else so_far


def _hold_contract(result: dict[str, Any], short_side: int) -> None:
    _hold(set(result) == {"image_data", "content_type", "width", "height", "original"}, f"keys {set(result)}")
    _hold(len(result["image_data"]) <= 131_072, f"{len(result['image_data'])} characters")
    original = result["original"]
    short, long = sorted((original["width"], original["height"]))
    _hold(original["format"] in FORMATS, f"format {original['format']}")
    _hold(1 <= short * long <= MAX_PIXELS, f"original of {short} x {long}")
    with Image.open(
        BytesIO(b64decode(result["image_data"], validate=True)), formats=["PNG", "JPEG"]
    ) as image:
        image.load()
    _hold(
        f"image/{image.format}".lower() == result["content_type"],
        f"{image.format} as {result['content_type']}",
    )
    _hold(image.mode == "RGB", f"mode {image.mode}")
    _hold(image.size == (result["width"], result["height"]), f"size {image.size} said otherwise")
    new_short, new_long = sorted(image.size)
    _hold(new_long <= 4 * new_short, f"result of {image.size}")
    _hold(short < long or new_short == new_long, f"square {short} became {image.size}")
    if short_side <= 64:  # what does not fit in 128 KiB otherwise may become smaller still
        _hold(new_short == min(short, short_side), f"{short} x {long} became {image.size}")
        wanted = min(long * new_short / short, 4 * new_short)
        _hold(abs(new_long - wanted) < 2, f"{short} x {long} became {image.size}")


def _hold(truth: bool, otherwise: str) -> None:
    if not truth:
        raise ViolationError(otherwise)


def _memory_reset() -> float:
    if sys.platform != "linux" or not CLEAR.exists():
        return 0.0
    CLEAR.write_text("5")  # the peak starts anew
    return _memory("VmRSS")


def _memory(name: str) -> float:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) / 1024
