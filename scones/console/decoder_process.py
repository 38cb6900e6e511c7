"""The process that decodes: reads files from stdin and writes JPEGs to stdout, within limits and without credentials.

A damaged or hostile file may crash it, fill its memory or take its time, and that ends this process alone.
"""

import io
import resource
import struct
import sys
from typing import BinaryIO, Final

import pillow_heif
from PIL import Image, ImageFile, ImageOps

from endpoint.errors import ImageError
from endpoint.image import FORMATS, decode, upright

REQUEST: Final = struct.Struct(">IIQ")
"""The longest side of the JPEG, the most pixels of the file, and the bytes of the file, which follow."""
ANSWER: Final = struct.Struct(">?I")
"""Whether the bytes that follow, so many, are a JPEG; else they are a sentence."""
MAX_MEMORY_BYTES: Final = 1_610_612_736
"""Address space of the process: 48 megapixels of a deep TIFF or a PNG with alpha, and the libraries."""
MAX_CPU_S: Final = 20
_QUALITY: Final = 85
_ACCEPTED: Final = (*FORMATS, "HEIF", "AVIF")


def main() -> None:
    """Answer requests until stdin ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # it has no business with files
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 2
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(REQUEST.size):
        longest_side, max_pixels, size = REQUEST.unpack(head)
        _allow_cpu()
        _write(answers, *_answer(requests.read(size), longest_side, max_pixels))


def _answer(data: bytes, longest_side: int, max_pixels: int) -> tuple[bool, bytes]:
    try:
        return True, jpeg_of(data, longest_side, max_pixels)
    except ImageError as error:
        return False, str(error).encode()
    except MemoryError:
        return False, b"decoding the image takes more memory than a preview may use"


def jpeg_of(data: bytes, longest_side: int, max_pixels: int) -> bytes:
    """Return the first frame as an upright JPEG without any metadata, at most this large, never enlarged.

    Raises
    ------
    ImageError
        The bytes are not an image that the pipeline accepts.
    """
    # A JPEG may be decoded at a reduced scale, of which at least this many pixels are left on its short side.
    decoded = decode(data, longest_side // 4, max_pixels, formats=_ACCEPTED)
    image = upright(decoded.image, decoded.orientation)
    small = ImageOps.contain(image, (longest_side, longest_side)) if max(image.size) > longest_side else image
    bare = Image.new("RGB", small.size)  # Pillow would write the original's comment and profile along
    bare.paste(small)
    file = io.BytesIO()
    bare.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _allow_cpu() -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + 1 + MAX_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


def _write(answers: BinaryIO, is_jpeg: bool, content: bytes) -> None:  # noqa: FBT001 (the answer's first field)
    answers.write(ANSWER.pack(is_jpeg, len(content)) + content)
    answers.flush()


if __name__ == "__main__":
    main()
