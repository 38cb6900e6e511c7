"""The folder that `training.data` writes: atomic replacement, PNG files, and reading its reviewed images."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from endpoint.errors import ImageError
from endpoint.image import read_square
from training.dataset import manifest
from training.dataset.archive import SIDE, Images
from training.dataset.human_labels import OUT_OF_DISTRIBUTION, RESERVED
from training.dataset.manifest import Entry
from training.errors import ArchiveError, FolderError, ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from training.dataset.splits import Split

UNSURE = -1  # label of an image of none of the classes: its target is a uniform distribution
_FOLDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}")


def check_replaceable(folder: Path) -> None:
    """Check that `folder` can be written and contains only files of an earlier run.

    Raises
    ------
    FolderError
        With the reason.
    """
    parent = next(path for path in (folder.absolute().parents) if path.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise FolderError(f"{parent}: cannot be written; give another --output")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise FolderError(f"{folder} is a file; give another --output")
    ours = _listed(folder)
    stranger = next((path for path in _files(folder) if path not in ours), None)
    if stranger is not None:
        raise FolderError(
            f"{folder} holds {stranger}, which is not of an earlier run; move it, or give another --output"
        )


@contextlib.contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a new folder that replaces `folder` if the block succeeds, and is removed otherwise."""
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    old, new = beside / "old", beside / "new"
    try:
        new.mkdir()
        yield new
        try:
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        except BaseException:
            if old.exists() and not folder.exists():
                old.rename(folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _listed(folder: Path) -> set[str]:
    try:
        entries = manifest.read(folder)
    except ManifestError:
        return set()
    return {manifest.NAME, manifest.SUMMARY, *(path for entry in entries for path in entry.files())}


def _files(folder: Path) -> Iterator[str]:
    for path in folder.rglob("*"):
        if not path.is_dir() or path.is_symlink():
            yield path.relative_to(folder).as_posix()


def write_split(folder: Path, split: Split, classes: Sequence[str], labels: Sequence[int]) -> Iterator[Entry]:
    """Write the split's images of these classes, and yield each entry as it is written.

    Parameters
    ----------
    folder
        Parent of the split's folder.
    split
        Images and their names; a name in use gets a number.
    classes, labels
        Names of the wanted classes, and their labels in the split.
    """
    for name, label in zip(classes, labels, strict=True):
        if name in RESERVED:
            raise ArchiveError(
                f"no class can be named {name}, which reviewers say; leave it out of --classes"
            )
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
    """Return an unused file name, also on a case-insensitive file system."""
    stem = source.removesuffix(".png")
    name, number = f"{stem}.png", 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}.png"
    taken.add(name.lower())
    return name


def read_reviewed(folder: Path, class_names: Sequence[str]) -> Images:
    """Return the reviewed images of a folder that `training.data --reviewed` wrote.

    All of them are training images; none of them is in the archive. To train on them::

        train, validation = hold_out(archive.train, seed)
        train = joined(train, known(read_reviewed(folder, archive.class_names)))

    Parameters
    ----------
    folder
        The one with manifest.jsonl.
    class_names
        Labels index these: the archive's classes to join `archive.train`, or the wanted ones in the order of
        the output to join the result of `select`. Images of other classes are not returned.

    Returns
    -------
    Images
        Possibly none. The label is -1 (UNSURE) where the reviewers said "neither": such images
        belong beside the strangers of fine-tuning, never into pretraining; `known` drops them.

    Raises
    ------
    ManifestError
        There is no manifest, or a file differs from its entry.
    """
    chosen = [entry for entry in manifest.read(folder) if entry.review is not None]
    index = {name: label for label, name in enumerate(class_names)} | {OUT_OF_DISTRIBUTION: UNSURE}
    chosen = [entry for entry in chosen if entry.label in index]
    pixels = np.empty((len(chosen), SIDE, SIDE, 3), np.uint8)
    for row, entry in enumerate(chosen):
        pixels[row] = _pixels(folder, entry)
    return Images(pixels, np.array([index[entry.label] for entry in chosen], dtype=np.int64))


def known(images: Images) -> Images:
    """Return the images of a class, without those of none."""
    return images.take(np.flatnonzero(images.labels != UNSURE))


def joined(first: Images, second: Images) -> Images:
    """Return the images of both."""
    pixels = np.concatenate([first.pixels, second.pixels])
    return Images(pixels, np.concatenate([first.labels, second.labels]))


def _pixels(folder: Path, entry: manifest.Entry) -> np.ndarray:
    path = folder / entry.path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ManifestError(f"{path}: {error.strerror}; prepare the folder again") from error
    if hashlib.sha256(data).hexdigest() != entry.sha256:
        raise ManifestError(f"{path}: not the file the manifest names; prepare the folder again")
    try:
        return np.asarray(read_square(data, SIDE))
    except ImageError as error:
        raise ManifestError(f"{path}: {error}; prepare the folder again") from error
