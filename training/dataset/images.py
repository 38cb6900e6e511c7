"""Write images as PNG files: <split>/<class>/<name>.png."""

from __future__ import annotations

import hashlib
import io
import re
from typing import TYPE_CHECKING

from PIL import Image

from training.dataset.manifest import Entry
from training.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from training.dataset.splits import Split

_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


def write_split(folder: Path, split: Split, classes: Sequence[str], labels: Sequence[int]) -> Iterator[Entry]:
    """Write the split's images of these classes, and yield the entry of each as it is written.

    Parameters
    ----------
    folder
        Where the split's folder is made.
    split
        Images and their names; a name that is taken gets a number.
    classes, labels
        Names of the wanted classes, and their labels in the split.
    """
    for name, label in zip(classes, labels, strict=True):
        if not _FOLDER_NAME.fullmatch(name):
            raise ArchiveError(f"the class {name!r} cannot be a folder's name; leave it out of --classes")
        chosen = split.of_class(label)
        (folder / split.title / name).mkdir(parents=True)
        taken: set[str] = set()
        for pixels, source in zip(chosen.images.pixels, chosen.names, strict=True):
            path = f"{split.title}/{name}/{_free(source, taken)}"
            data = png(pixels)
            (folder / path).write_bytes(data)
            yield Entry(path, name, split.title, source, hashlib.sha256(data).hexdigest())


def png(pixels: np.ndarray) -> bytes:
    """Return the pixels [H, W, 3] as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _free(source: str, taken: set[str]) -> str:
    """Return a file name that is not taken, on a disk that tells no case apart either."""
    stem = source.removesuffix(".png")
    name, number = f"{stem}.png", 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}.png"
    taken.add(name.lower())
    return name
