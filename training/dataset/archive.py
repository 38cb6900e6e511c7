"""Read the CIFAR-100 "python version" archive without executing code: official split, labels, file names."""

from __future__ import annotations

import hashlib
import io
import pickle
import tarfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import ArchiveError

if TYPE_CHECKING:
    from pathlib import Path


OFFICIAL_MD5 = "eb9058c3a382ffc7106e4002c42a8d85"
FOLDER = "cifar-100-python"
SIDE = 32
_CHUNK_BYTES = 1 << 20
_LARGEST_MEMBER_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Images:
    """Labelled images: pixels uint8 [N, 32, 32, 3] in RGB, labels int64 [N]."""

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.labels)

    def take(self, indices: np.ndarray) -> Images:
        """Return the images at these positions, in this order."""
        return Images(self.pixels[indices], self.labels[indices])


@dataclass(frozen=True, slots=True)
class Archive:
    """The official split; labels index `class_names`, names are the archive's file names or empty."""

    class_names: tuple[str, ...]
    train: Images
    test: Images
    train_names: tuple[str, ...] = ()
    test_names: tuple[str, ...] = ()


def read_archive(path: Path, md5: str | None = OFFICIAL_MD5) -> Archive:
    """Verify the archive's checksum and read its three pickles.

    Parameters
    ----------
    path
        The .tar.gz as published.
    md5
        Expected checksum in hex; None skips the check.

    Raises
    ------
    ArchiveError
        With a one-line reason.
    """
    if not path.is_file():
        raise ArchiveError(f"{path}: no such file")
    if md5 is not None:
        _verify(path, md5)
    try:
        with tarfile.open(path, "r:*") as tar:
            meta, train, test = (unpickle(_member(tar, name)) for name in ("meta", "train", "test"))
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"{path}: not a readable archive ({error}); fetch it again") from error
    classes = tuple(text(name) for name in _field(meta, "fine_label_names"))
    train_images, test_images = _images(train, len(classes)), _images(test, len(classes))
    names = _names(train, len(train_images)), _names(test, len(test_images))
    return Archive(classes, train_images, test_images, *names)


def md5_of(path: Path) -> str:
    """Return the MD5 checksum, which the archive's publisher states: for integrity, not security."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _verify(path: Path, expected: str) -> None:
    found = md5_of(path)
    if found != expected.lower():
        raise ArchiveError(f"{path}: md5 is {found}, expected {expected} (damaged, or give --md5)")


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    try:
        file = tar.extractfile(f"{FOLDER}/{name}")
        size = tar.getmember(f"{FOLDER}/{name}").size
    except KeyError:
        file = None
    if file is None:
        raise ArchiveError(f"the archive has no {FOLDER}/{name}")
    if size > _LARGEST_MEMBER_BYTES:
        raise ArchiveError(f"{FOLDER}/{name} would unpack to {size >> 20} MB: this is not CIFAR-100")
    return file.read()


def _field(content: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - whatever the pickle holds
    if name not in content:
        raise ArchiveError(f"a pickle has no {name}")
    return content[name]


def _names(content: dict[str, Any], images: int) -> tuple[str, ...]:
    names = tuple(text(name) for name in content.get("filenames", ()))
    if len(names) not in (0, images):
        raise ArchiveError(f"a pickle has {len(names)} file names for {images} images")
    return names


def _images(content: dict[str, Any], classes: int) -> Images:
    pixels = _field(content, "data")
    labels = np.asarray(_field(content, "fine_labels"))
    bytes_there = isinstance(pixels, np.ndarray) and pixels.dtype == np.uint8
    if not bytes_there or pixels.shape != (labels.size, 3 * SIDE**2) or labels.dtype.kind not in "iu":
        raise ArchiveError(f"images or labels have an unexpected form ({np.shape(pixels)}, {labels.shape})")
    if len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        raise ArchiveError(
            f"labels run from {labels.min()} to {labels.max()} but there are {classes} classes"
        )
    square = pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1)
    return Images(np.ascontiguousarray(square), labels.astype(np.int64))


def unpickle(data: bytes) -> dict[str, Any]:
    """Return the dict in a pickle, with its keys as text.

    Raises
    ------
    ArchiveError
        The pickle is damaged, has other content, or imports a name that image data does not need.
    """
    try:
        content = _RestrictedUnpickler(io.BytesIO(data), encoding="latin1").load()
    except Exception as error:  # a damaged pickle raises anything from IndexError to MemoryError
        raise ArchiveError(f"unreadable pickle: {error}") from error
    if not isinstance(content, dict):
        raise ArchiveError(f"a pickle contains a {type(content).__name__} where a dict was expected")
    return {text(key): value for key, value in content.items()}


def text(value: str | bytes) -> str:
    """Return a string of the pickle as text; Python 2 stored bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _latin1(value: str, encoding: str) -> bytes:
    """Replace `_codecs.encode`, which Python 3 uses for bytes in pickle protocol 2."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"a pickle asks for the codec {encoding!r}")
    return value.encode("latin1")


_RECONSTRUCT = np.empty(0).__reduce__()[0]  # its module has different names in numpy 1 and 2
_ADMITTED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _latin1,
}


class _RestrictedUnpickler(pickle.Unpickler):
    """Builds lists, dicts, strings and numpy arrays; rejects every other name."""

    def find_class(self, module_name: str, global_name: str) -> object:
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"a pickle asks for {module_name}.{global_name}, which image data does not need"
            ) from None
