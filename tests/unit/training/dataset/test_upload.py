"""Sending a prepared folder to S3."""

from __future__ import annotations

import hashlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

boto3 = pytest.importorskip("boto3")
pytest.importorskip("moto")

from botocore.exceptions import ClientError, NoCredentialsError  # noqa: E402
from moto import mock_aws  # noqa: E402

from training import aws, data  # noqa: E402
from training.dataset import manifest, upload  # noqa: E402
from training.errors import StorageError  # noqa: E402
from training.storage import Address  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TO = Address("bucket", "cifar/")


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="bucket")
        yield client


@pytest.fixture
def folder(archive_path: Path, tmp_path: Path) -> Path:
    assert data.main([*arguments(archive_path), "--output", str(tmp_path / "images")]) == 0
    return tmp_path / "images"


def arguments(archive: Path) -> list[str]:
    return ["--archive", str(archive), "--md5", hashlib.md5(archive.read_bytes()).hexdigest()]  # noqa: S324


def keys(s3: Any) -> set[str]:
    return {item["Key"] for item in s3.list_objects_v2(Bucket="bucket").get("Contents", ())}


def test_everything_is_there_and_the_next_time_nothing_is_sent(s3: Any, folder: Path) -> None:
    first = upload.upload(s3, folder, TO)
    assert (first.sent, first.skipped, first.others) == (48, 0, 0)
    assert keys(s3) == {
        f"cifar/{path.relative_to(folder).as_posix()}" for path in folder.rglob("*") if path.is_file()
    }
    again = upload.upload(s3, folder, TO)
    assert (again.sent, again.skipped) == (0, 48)


def test_what_differs_is_sent_and_what_is_not_ours_is_counted(s3: Any, folder: Path) -> None:
    upload.upload(s3, folder, TO)
    path = manifest.read(folder)[0].path
    size = (folder / path).stat().st_size
    s3.put_object(Bucket="bucket", Key=f"cifar/{path}", Body=b"x" * size)
    s3.put_object(Bucket="bucket", Key="cifar/other.png", Body=b"x")
    s3.put_object(Bucket="bucket", Key="elsewhere.png", Body=b"x")
    again = upload.upload(s3, folder, TO)
    assert (again.sent, again.skipped, again.others) == (1, 47, 1)
    answer = s3.get_object(Bucket="bucket", Key=f"cifar/{path}")
    assert answer["Body"].read() == (folder / path).read_bytes()
    assert answer["ContentType"] == "image/png"


class Failing:
    """S3 that refuses the n-th object."""

    def __init__(self, s3: Any, error: Exception, at: int) -> None:
        self._s3, self._error, self._left = s3, error, at
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._s3, name)

    def put_object(self, **what: Any) -> Any:
        with self._lock:
            self._left -= 1
            if self._left <= 0:
                raise self._error
        return self._s3.put_object(**what)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "x"}}, "PutObject")


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (refusal("AccessDenied"), r"s3://bucket/cifar/: AccessDenied: the role needs .*s3:PutObject"),
        (refusal("ExpiredToken"), "sign in again"),
        (refusal("InternalError"), "run the command again; existing objects are skipped"),
        (NoCredentialsError(), "NoCredentialsError: set AWS_PROFILE"),
    ],
)
def test_a_refusal_is_one_line_and_the_manifest_is_not_sent(
    s3: Any, folder: Path, error: Exception, line: str
) -> None:
    with pytest.raises(StorageError, match=line):
        upload.upload(Failing(s3, error, 10), folder, TO)
    assert not any(key.endswith(manifest.NAME) for key in keys(s3))
    assert upload.upload(s3, folder, TO).skipped > 0


def test_a_missing_bucket_is_one_line(s3: Any, folder: Path) -> None:
    with pytest.raises(StorageError, match="NoSuchBucket: create the bucket"):
        upload.upload(s3, folder, Address("absent", ""))


def test_the_command_uploads(
    s3: Any,
    archive_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(data, "s3_client", lambda: s3)
    more = ["--output", str(tmp_path / "images"), "--upload", "s3://bucket/cifar", "--json"]
    assert data.main([*arguments(archive_path), *more]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["upload"] == {"address": "s3://bucket/cifar/", "sent": 48, "skipped": 0}


@pytest.mark.parametrize("text", ["bucket/x", "https://bucket/x", "s3:///x", "s3:bucket"])
def test_an_address_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(StorageError, match="s3://bucket/prefix"):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "prefix"), [("s3://b", ""), ("s3://b/", ""), ("s3://b/a/b", "a/b/"), ("s3://b/a/", "a/")]
)
def test_a_prefix_ends_with_a_slash(text: str, prefix: str) -> None:
    assert Address.parse(text) == Address("b", prefix)


def test_the_real_client_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert aws.s3_client().meta.config.retries["total_max_attempts"] == 6
