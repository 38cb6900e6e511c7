"""A small archive in the layout of CIFAR-100, as either of its writers pickles it."""

from __future__ import annotations

import io
import pickle
import tarfile
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.fakes.aws_model import checked_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLASSES = ("apple", "bicycle", "cloud", "motorcycle")
PER_CLASS = 20


def split(per_class: int, seed: int) -> dict[bytes, Any]:
    """Return the content of a pickle: every class a colour of its own, with noise."""
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
    """Return the three files of a sound archive."""
    meta = {b"fine_label_names": [name.encode() for name in CLASSES]}
    contents = {"meta": meta, "train": split(PER_CLASS, 1), "test": split(3, 2)}
    return {name: pickle.dumps(content, protocol=2) for name, content in contents.items()}


@pytest.fixture
def local_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Put this process into another time zone."""

    def move(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield move
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[..., Path]:
    """Write an archive, sound but for the members given."""

    def make(**members: bytes | None) -> Path:
        content = {**pickles(), **members}
        return write(
            tmp_path / "archive.tar.gz", {name: data for name, data in content.items() if data is not None}
        )

    return make


@pytest.fixture
def archive_path(make_archive: Callable[..., Path]) -> Path:
    """Write a sound archive."""
    return make_archive()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a client of an emulated S3 with an empty bucket of results."""
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
    moto = pytest.importorskip("moto", reason="moto is not installed")
    for name, value in (("AWS_ACCESS_KEY_ID", "testing"), ("AWS_SECRET_ACCESS_KEY", "testing")):
        monkeypatch.setenv(name, value)
    with moto.mock_aws():
        client = boto3.client("s3", region_name="eu-central-1")
        where = {"LocationConstraint": "eu-central-1"}
        client.create_bucket(Bucket="results", CreateBucketConfiguration=where)
        yield client


@pytest.fixture(autouse=True)
def requests_fit_awss_models() -> Iterator[None]:
    """Hold every request of every test against AWS's service models; most of them go to an emulator that does not."""
    with checked_requests() as found:
        yield
    assert found == []
