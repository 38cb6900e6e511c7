"""Compare Serialize's work in a warm function with decode-and-resize and with the bare decoder.

.venv/bin/python -m benchmarks.warm_serialize
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from base64 import b64encode
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pillow_heif
from PIL import Image, ImageOps

from benchmarks.measurements import ROOT, Part, interleaved, keep, ratio_of

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(ROOT / "functions" / "serialize"))
serialize_image = importlib.import_module("serialize.image").serialize_image
RejectedImageError = importlib.import_module("serialize.errors").RejectedImageError

INPUT_SIZE, MAX_PIXELS = 64, 50_000_000  # defaults of ModelInputSize and MaxPixels
SIZES = {"32 px": (32, 32), "1 MP": (1152, 864), "12 MP": (4032, 3024), "48 MP": (8064, 6048)}
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 85},
    "PNG": {"compress_level": 1},
    "HEIC": {"quality": 50, "enc_params": {"preset": "ultrafast"}},
    "WebP": {"quality": 80, "method": 2},
    "AVIF": {"quality": 60, "speed": 10},
}
DETAIL = 6  # pixels: the width of the smallest details, which gives JPEGs of the size of a phone's
BUDGET_S = 5  # a case
RESIZED, DECODED, OURS = "decode and resize", "bare decoder", "Serialize"
METHOD = """\
A drawn picture (edges, gradients, texture) in each format and size; time from the bytes of the file to the
base64 of an image of 64 pixels, without reading it from S3. "Decode and resize" is what a tutorial does: open,
turn upright, convert to RGB, resize, write PNG, encode in base64. "Bare decoder" only decodes: for JPEG at the
smallest scale that the decoder offers above 64 pixels, for the other formats, which have none, the whole
picture. Serialize keeps four times the pixels that the model needs until its own resize, for their quality, and
does not enlarge a small image, which decode-and-resize does. CPU time of all threads of one process. The PNG of
48 MP is larger than the 25 MB that `MaxObjectBytes` accepts by default."""


def picture(width: int, height: int) -> Image.Image:
    """Return a picture with gradients, edges and texture, the same in every run."""
    dice = random.Random(1)  # noqa: S311 - a picture
    small = (-(-width // DETAIL), -(-height // DETAIL))
    texture = Image.frombytes("L", small, dice.randbytes(small[0] * small[1]))
    large = texture.resize((width, height), Image.Resampling.BICUBIC)
    slopes = (Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90))
    return Image.merge("RGB", [Image.blend(slope.resize(large.size), large, 0.25) for slope in slopes])


def encoded(image: Image.Image, kind: str) -> bytes:
    """Return the file of a picture."""
    file = BytesIO()
    image.save(file, {"HEIC": "HEIF"}.get(kind, kind), **FORMATS[kind])
    return file.getvalue()


def decode_and_resize(data: bytes) -> str:
    """Make the model's image as a tutorial does."""
    with Image.open(BytesIO(data)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    file = BytesIO()
    upright.resize((INPUT_SIZE, INPUT_SIZE), Image.Resampling.LANCZOS).save(file, "PNG")
    return b64encode(file.getvalue()).decode()


def bare_decoder(data: bytes) -> None:
    """Decode, a JPEG at the smallest scale that is large enough, and do nothing else."""
    with Image.open(BytesIO(data)) as image:
        image.draft("RGB", (INPUT_SIZE, INPUT_SIZE))  # other formats ignore it
        image.load()


def cpu_ms(work: Callable[[], object], repeats: int) -> float:
    """Return the CPU time of one of several runs, in milliseconds."""
    began = time.process_time_ns()
    for _ in range(repeats):
        work()
    return (time.process_time_ns() - began) / 1e6 / repeats


def _run(work: Callable[[bytes], object], data: bytes, repeats: int) -> Callable[[], float]:
    return lambda: cpu_ms(lambda: work(data), repeats)


WORK = {
    OURS: lambda data: serialize_image(data, INPUT_SIZE, MAX_PIXELS),
    RESIZED: decode_and_resize,
    DECODED: bare_decoder,
}


def measure() -> Part:
    """Measure each format in each size."""
    part = Part("Serialize: warm work", METHOD)
    for size_name, size in SIZES.items():
        image = picture(*size)
        repeats = 20 if size_name == "32 px" else 1  # a run must last long enough for the clock
        for kind in FORMATS:
            case, data = f"{kind}, {size_name}", encoded(image, kind)
            try:
                serialize_image(data, INPUT_SIZE, MAX_PIXELS)
            except RejectedImageError as refusal:
                part.method += f" Serialize refuses {case}: {refusal}."
                continue
            measured = interleaved({name: _run(work, data, repeats) for name, work in WORK.items()}, BUDGET_S)
            part.ratios += [
                ratio_of(measured, OURS, beside, quantity="CPU time", case=case, unit="ms")
                for beside in (RESIZED, DECODED)
            ]
            print(f"{case}: {len(data)} bytes", part.ratios[-2:], file=sys.stderr)
    return part


if __name__ == "__main__":
    pillow_heif.register_heif_opener()
    keep("warm_serialize", measure())
