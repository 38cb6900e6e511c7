"""Fetch reviewed images in parallel: what the model sees of each, and its file as it was."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from endpoint.errors import ImageError
from endpoint.image import read_square
from training.dataset.archive import SIDE
from training.dataset.human_labels import Problem
from training.dataset.reviewed_images import UnavailableImageError
from training.progress import bar

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from training.dataset.human_labels import Reference
    from training.dataset.reviewed_images import ImageSource

_THREADS = 8


@dataclass(frozen=True, slots=True)
class Picture:
    """The model's square as uint8 [32, 32, 3], and where the file was kept."""

    pixels: np.ndarray
    original: Path


def fetch_all(
    references: Collection[Reference], images: ImageSource, originals: Path
) -> Iterator[tuple[Reference, Picture | Problem]]:
    """Yield every image, in order, or why it cannot be had; its file is written to `originals`."""
    originals.mkdir(exist_ok=True)
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="review")
    try:
        with bar("reviewed", len(references)) as progress:
            fetched = pool.map(partial(_fetch, images, originals), references)
            for reference, found in zip(references, fetched, strict=True):
                progress.update()
                yield reference, found
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _fetch(images: ImageSource, originals: Path, reference: Reference) -> Picture | Problem:
    try:
        data = images.read(reference)
        square = read_square(data, SIDE)
    except (UnavailableImageError, ImageError) as error:
        return Problem(str(reference), str(error))
    with Image.open(io.BytesIO(data)) as opened:
        suffix = (opened.format or "image").lower()
    original = originals / f"{hashlib.sha256(data).hexdigest()}.{suffix}"
    original.write_bytes(data)
    return Picture(np.asarray(square), original)
