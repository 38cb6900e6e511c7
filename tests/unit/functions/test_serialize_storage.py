from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from moto import mock_aws

from serialize.errors import (
    ImageArchivedError,
    ImageNotFoundError,
    ImageTooLargeError,
    StorageUnavailableError,
)
from serialize.storage import read_object
from tests.fakes.aws_clients import FakeBody, FakeS3, client_error

URL = "https://s3.example"
KEYS = [
    "incoming/a b.png",
    "incoming/a+b.png",
    "incoming/a%25b%2B.png",
    "incoming/Zürich 自転車.heic",
    "/incoming//x",
    "i/" + "k" * 1022,
]


def request(**more: object) -> Any:
    return {"bucket": "images", "key": "incoming/a.png", "etag": "e1", "size": 4} | more


def fake_s3(*answer: Any, **more: Any) -> Any:
    return FakeS3(*answer, **more)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="images")
        yield client


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("etag", ["bare", "quoted", None])
def test_a_key_is_read_as_it_is(s3: Any, key: str, etag: str | None) -> None:
    put = s3.put_object(Bucket="images", Key=key, Body=b"data")["ETag"]
    given = {"bare": put.strip('"'), "quoted": put, None: None}[etag]
    assert read_object(s3, request(key=key, etag=given), 100) == b"data"


def test_the_version_of_the_event_is_read_although_a_newer_one_exists(s3: Any) -> None:
    s3.put_bucket_versioning(Bucket="images", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket="images", Key="k", Body=b"first")["VersionId"]
    s3.put_object(Bucket="images", Key="k", Body=b"second")
    s3.delete_object(Bucket="images", Key="k")
    assert read_object(s3, request(key="k", version_id=first), 100) == b"first"


def test_a_replaced_object_is_not_taken_for_the_one_of_the_event(s3: Any) -> None:
    old = s3.put_object(Bucket="images", Key="k", Body=b"old")["ETag"]
    s3.put_object(Bucket="images", Key="k", Body=b"new")
    with pytest.raises(ImageNotFoundError, match="replaced by a newer upload"):
        read_object(s3, request(key="k", etag=old, version_id=None), 100)


def test_a_store_that_ignores_if_match_is_not_believed() -> None:
    s3 = fake_s3(FakeBody(b"data"), etag='"e2"')
    with pytest.raises(ImageNotFoundError, match="replaced"):
        read_object(s3, request(), 100)
    assert s3.calls == [{"Bucket": "images", "Key": "incoming/a.png", "IfMatch": '"e1"'}]
    assert s3.body.read_bytes == 0


@pytest.mark.parametrize("more", [{}, {"version_id": "0123456789abcdef0123456789abcdef"}])
def test_a_missing_object_is_not_found(s3: Any, more: dict[str, str]) -> None:
    with pytest.raises(ImageNotFoundError, match="no longer"):
        read_object(s3, request(**more), 100)


@pytest.mark.parametrize("place", ["GLACIER", "DEEP_ARCHIVE"])
def test_an_archived_object_is_rejected_as_archived(s3: Any, place: str) -> None:
    s3.put_object(Bucket="images", Key="old.jpg", Body=b"photo", StorageClass=place)
    with pytest.raises(ImageArchivedError, match=rf"the photo is archived \({place}\): restore it"):
        read_object(s3, request(key="old.jpg"), 10)


def test_a_missing_bucket_is_not_the_photos_fault(s3: Any) -> None:
    with pytest.raises(Exception, match="NoSuchBucket"):
        read_object(s3, request(bucket="another"), 100)


@pytest.mark.parametrize(
    ("body", "length", "announced"),
    [(b"x" * 11, None, 4), (b"x" * 11, 4, 4), (b"", None, 11), (b"x" * 10_000, 10, 10)],
)
def test_no_more_is_read_than_allowed(body: bytes, length: int | None, announced: int) -> None:
    s3 = fake_s3(FakeBody(body, piece=7), content_length=length)
    with pytest.raises(ImageTooLargeError, match="the limit is"):
        read_object(s3, request(size=announced), 10)
    assert s3.body.read_bytes <= 11


def test_the_announced_size_is_enough_to_refuse() -> None:
    s3 = fake_s3()
    with pytest.raises(ImageTooLargeError, match=r"file is 30\.0 MB; the limit is 26\.2 MB"):
        read_object(s3, request(size=30_000_000), 26_214_400)
    assert s3.calls == []


def test_the_limit_itself_is_allowed() -> None:
    s3 = fake_s3(FakeBody(b"x" * 10, piece=3))
    assert read_object(s3, request(size=10), 10) == b"x" * 10
    assert s3.body.closed


@pytest.mark.parametrize(
    "failure",
    [
        client_error("SlowDown", 503),
        client_error("InternalError", 500, None),
        client_error("ServiceUnavailable", 503),
        client_error("503", 503),
        client_error("RequestTimeout", 400),
        client_error("ThrottlingException", 400),
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
    ],
    ids=lambda failure: str(failure)[:50],
)
def test_what_may_pass_is_transient(failure: Exception) -> None:
    with pytest.raises(StorageUnavailableError) as found:
        read_object(fake_s3(failure=failure), request(), 100)
    assert found.value.__cause__ is failure


@pytest.mark.parametrize(
    "failure",
    [
        ReadTimeoutError(endpoint_url=URL),
        ResponseStreamingError(error="reset"),
        IncompleteReadError(actual_bytes=2, expected_bytes=4),
    ],
)
def test_a_body_that_breaks_off_is_transient(failure: Exception) -> None:
    s3 = fake_s3(FakeBody(b"da", failure=failure), content_length=4)
    with pytest.raises(StorageUnavailableError, match=type(failure).__name__):
        read_object(s3, request(), 100)
    assert s3.body.closed


@pytest.mark.parametrize(
    ("code", "status"), [("NoSuchKey", 404), ("NoSuchVersion", 404), ("404", 404), ("MethodNotAllowed", 405)]
)
def test_what_is_gone_is_not_found(code: str, status: int) -> None:
    with pytest.raises(ImageNotFoundError):
        read_object(fake_s3(failure=client_error(code, status)), request(), 100)


@pytest.mark.parametrize(
    "failure",
    [client_error("AccessDenied", 403), client_error("KMS.DisabledException", 400), NoCredentialsError()],
)
def test_the_rest_is_passed_on_as_it_is(failure: Exception) -> None:
    with pytest.raises(type(failure)) as found:
        read_object(fake_s3(failure=failure), request(), 100)
    assert found.value is failure
