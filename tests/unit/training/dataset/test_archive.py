"""Reading the archive: what is admitted, and everything that is not."""

from __future__ import annotations

import hashlib
import os
import pickle
import tarfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.dataset.archive import read_archive
from training.errors import ArchiveError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CLASSES = ("apple", "bicycle", "cloud", "motorcycle")


def test_it_reads_classes_pixels_and_labels(archive_path: Path) -> None:
    archive = read_archive(archive_path, md5=None)
    assert archive.class_names == CLASSES
    assert archive.train.pixels.shape == (80, 32, 32, 3)
    assert archive.test.pixels.dtype == np.uint8
    green = archive.train.take(np.flatnonzero(archive.train.labels == 1)).pixels.mean((0, 1, 2))
    assert green.argmax() == 1
    assert len(archive.test) == 12


def test_both_names_of_numpys_module_are_admitted(make_archive: Callable[..., Path]) -> None:
    path = make_archive()
    members = {}
    for old, new in (
        (b"numpy._core.multiarray", b"numpy.core.multiarray"),
        (b"numpy.core.multiarray", b"numpy._core.multiarray"),
    ):
        for name in ("train", "test"):
            members[name] = _pickle_of(path, name).replace(old, new)
            assert new in members[name]
        assert len(read_archive(make_archive(**members), md5=None).train) == 80


def test_the_strings_of_python_2_are_admitted(make_archive: Callable[..., Path]) -> None:
    """Python 2 wrote keys, names and pixels as its one kind of string."""
    names = b"".join(b"U" + bytes([len(name)]) + name.encode() for name in CLASSES)
    meta = b"\x80\x02}U\x10fine_label_names](" + names + b"es."
    assert read_archive(make_archive(meta=meta), md5=None).class_names == CLASSES


def test_the_checksum_is_verified(archive_path: Path) -> None:
    digest = hashlib.md5(archive_path.read_bytes()).hexdigest()  # noqa: S324 - the publisher's choice
    assert len(read_archive(archive_path, md5=digest.upper()).test) == 12
    with pytest.raises(ArchiveError, match=f"md5 is {digest}, expected eb9058c3"):
        read_archive(archive_path)


class Malicious:
    """Would run a command when unpickled."""

    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        """Say what to call."""
        return self.call, self.arguments


@pytest.mark.parametrize(
    "call", [(os.system, "touch {}"), (eval, "open('{}', 'w')"), (np.load, "{}"), (os.mkdir, "{}")]
)
def test_a_pickle_that_would_run_something_is_refused(
    make_archive: Callable[..., Path], tmp_path: Path, call: tuple[object, str]
) -> None:
    proof = tmp_path / "proof"
    data = pickle.dumps({b"data": Malicious(call[0], call[1].format(proof))}, protocol=2)
    with pytest.raises(ArchiveError, match="image data does not need"):
        read_archive(make_archive(train=data), md5=None)
    assert not proof.exists()


def test_another_codec_than_latin1_is_refused(make_archive: Callable[..., Path]) -> None:
    data = pickle.dumps({b"data": b"\xff"}, protocol=2).replace(b"latin1", b"rot_13")
    with pytest.raises(ArchiveError, match="codec 'rot_13'"):
        read_archive(make_archive(train=data), md5=None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="no such file"):
        read_archive(tmp_path / "absent.tar.gz")


@pytest.mark.parametrize("keep", [0, 10, 2000, -200])
def test_a_truncated_archive_is_one_error(archive_path: Path, keep: int) -> None:
    archive_path.write_bytes(archive_path.read_bytes()[:keep])
    with pytest.raises(ArchiveError):
        read_archive(archive_path, md5=None)


def test_a_damaged_byte_is_one_error(archive_path: Path) -> None:
    data = bytearray(archive_path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    archive_path.write_bytes(data)
    with pytest.raises(ArchiveError):
        read_archive(archive_path, md5=None)


def test_a_missing_member_is_named(make_archive: Callable[..., Path]) -> None:
    with pytest.raises(ArchiveError, match="no cifar-100-python/test"):
        read_archive(make_archive(test=None), md5=None)


PIXELS = np.zeros((2, 3072), np.uint8)


@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {b"fine_labels": [0, 1]},
        {b"data": PIXELS},
        {b"data": PIXELS, b"fine_labels": [0]},
        {b"data": PIXELS, b"fine_labels": [0, 4]},
        {b"data": PIXELS, b"fine_labels": [0, -1]},
        {b"data": PIXELS, b"fine_labels": [0.5, 1]},
        {b"data": PIXELS.astype(float), b"fine_labels": [0, 1]},
        {b"data": PIXELS[:, :100], b"fine_labels": [0, 1]},
        {b"data": [[0] * 3072] * 2, b"fine_labels": [0, 1]},
    ],
)
def test_content_of_another_form_is_refused(make_archive: Callable[..., Path], content: object) -> None:
    with pytest.raises(ArchiveError):
        read_archive(make_archive(test=pickle.dumps(content, protocol=2)), md5=None)


def _pickle_of(path: Path, name: str) -> bytes:
    with tarfile.open(path) as tar:
        member = tar.extractfile(f"cifar-100-python/{name}")
        assert member is not None
        return member.read()
