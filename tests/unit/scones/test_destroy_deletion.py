"""A bucket is deleted whatever is in it, and when it cannot be, the key and the reason are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.destroy import inventory
from scones.destroy.deletion import NotDestroyedError, delete_bucket
from tests.fakes.aws_clients import client_error
from tests.unit.scones.fake_stack import REGION, small_pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_s3 import S3Client

BUCKET = "the-bucket"


@pytest.fixture
def s3(aws: None) -> S3Client:
    client = boto3.client("s3", region_name=REGION)
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


class Deletion:
    """Deletes the bucket, and remembers how much was deleted and how long it slept."""

    def __init__(self, s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
        self.s3, self.monkeypatch = s3, monkeypatch
        self.deleted: list[int] = []
        self.slept: list[float] = []

    def run(self) -> None:
        delete_bucket(self.s3, BUCKET, self.slept.append, self.deleted.append)

    def put(self, *keys: str) -> None:
        for key in keys:
            self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")

    def replace(self, method: str, replacement: Callable[..., Any]) -> Any:
        """Replace a call of the client, and return what it was."""
        original = getattr(self.s3, method)
        self.monkeypatch.setattr(self.s3, method, replacement)
        return original

    def is_gone(self) -> bool:
        return self.s3.list_buckets()["Buckets"] == []


@pytest.fixture
def deletion(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> Deletion:
    return Deletion(s3, monkeypatch)


def refusing(key: str, code: str) -> dict[str, Any]:
    return {"Errors": [{"Key": key, "VersionId": "v", "Code": code, "Message": "because"}]}


def test_every_version_and_marker_and_unfinished_upload_goes(deletion: Deletion) -> None:
    deletion.put("a b+c%25d", "a b+c%25d", "ü/日本", "gone")
    deletion.s3.delete_object(Bucket=BUCKET, Key="gone")
    deletion.s3.create_multipart_upload(Bucket=BUCKET, Key="begun")

    deletion.run()

    assert deletion.is_gone()
    assert sum(deletion.deleted) == 5
    assert deletion.slept == []


def test_more_than_a_listing_returns(deletion: Deletion, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 lists a thousand at a time and deletes no more at once."""
    small_pages(deletion.s3, "ListObjectVersions", 5)
    monkeypatch.setattr(inventory, "MAX_PAGES", 1)
    deletion.put(*(f"{number}" for number in range(52)))

    counted = inventory.measure_bucket(deletion.s3, "ImageBucket", BUCKET)
    assert counted is not None
    assert (counted.versions, counted.at_least) == (5, True)

    deletion.run()

    assert deletion.is_gone()
    assert sum(deletion.deleted) == 52
    assert max(deletion.deleted) <= 5


def test_a_bucket_that_is_gone_is_fine(deletion: Deletion) -> None:
    deletion.run()
    deletion.run()
    assert deletion.is_gone()


def test_an_upload_in_between_is_deleted_too(deletion: Deletion) -> None:
    late = ["late"]

    def delete(**request: Any) -> Any:
        if late:
            deletion.put(late.pop())
        return original(**request)

    original = deletion.replace("delete_bucket", delete)
    deletion.put("a")

    deletion.run()

    assert deletion.is_gone()
    assert (sum(deletion.deleted), len(deletion.slept)) == (2, 1)


def test_uploads_that_do_not_stop_are_one_clear_error(deletion: Deletion) -> None:
    def delete(**request: Any) -> Any:
        deletion.put("again")
        return original(**request)

    original = deletion.replace("delete_bucket", delete)

    with pytest.raises(
        NotDestroyedError, match="not empty after 8 rounds of deleting: something still writes"
    ):
        deletion.run()
    assert len(deletion.slept) == 7


def test_a_key_that_s3_could_not_delete_at_once_is_deleted_later(deletion: Deletion) -> None:
    busy = ["InternalError", "SlowDown"]

    def delete(**request: Any) -> Any:
        return refusing("a", busy.pop()) if busy else original(**request)

    original = deletion.replace("delete_objects", delete)
    deletion.put("a")

    deletion.run()

    assert deletion.is_gone()
    assert (deletion.deleted, len(deletion.slept)) == ([0, 0, 1], 2)


@pytest.mark.parametrize(("code", "calls"), [("AccessDenied", 1), ("InternalError", 8)])
def test_a_key_that_s3_does_not_delete_is_named(deletion: Deletion, code: str, calls: int) -> None:
    requests = []

    def delete(**request: Any) -> Any:
        requests.append(request)
        return refusing("a\nb", code)

    deletion.replace("delete_objects", delete)
    deletion.put("a\nb")

    with pytest.raises(NotDestroyedError) as error:
        deletion.run()

    assert f"{BUCKET}" in error.value.message
    assert f"'a\\nb': because ({code})" in error.value.message
    assert len(requests) == calls
    assert not deletion.is_gone()


def test_keys_that_xml_cannot_carry_go_one_by_one(deletion: Deletion) -> None:
    def delete(**request: Any) -> Any:
        raise client_error("MalformedXML", 400, "not well-formed", "DeleteObjects")

    deletion.replace("delete_objects", delete)
    deletion.put("a", "b", "b")

    deletion.run()

    assert deletion.is_gone()
    assert deletion.deleted == [3]
