"""A small archive in the layout of CIFAR-100, as either of its writers pickles it."""

from __future__ import annotations

import io
import pickle
import tarfile
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("apple", "bicycle", "cloud", "motorcycle")
PER_CLASS = 20


def split(per_class: int, seed: int) -> dict[bytes, Any]:
    """Return the content of a pickle: each class has a different colour, with noise."""
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(len(CLASSES)), per_class)
    colours = np.array([[200, 30, 30], [30, 200, 30], [220, 220, 220], [30, 30, 200]])[labels]
    noise = rng.integers(-25, 26, (len(labels), 3, 1024))
    data = (colours[:, :, None] + noise).astype(np.uint8).reshape(len(labels), -1)
    return {b"data": data, b"fine_labels": labels.tolist(), b"filenames": [b"x.png"] * len(labels)}


def write(path: Path, members: dict[str, bytes]) -> Path:
    """Write a .tar.gz with these files in the archive's folder."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(f"cifar-100-python/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def pickles() -> dict[str, bytes]:
    """Return the three files of a valid archive."""
    meta = {b"fine_label_names": [name.encode() for name in CLASSES]}
    contents = {"meta": meta, "train": split(PER_CLASS, 1), "test": split(3, 2)}
    return {name: pickle.dumps(content, protocol=2) for name, content in contents.items()}
