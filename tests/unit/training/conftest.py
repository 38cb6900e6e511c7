"""Archives for the tests of training, whose requests are held to AWS's service models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.aws_model import checked_requests
from tests.fakes.cifar_archive import pickles, write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


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
