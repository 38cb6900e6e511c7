"""Read one object version from S3, up to a size limit, and map S3's errors to this function's own."""

from contextlib import closing
from typing import TYPE_CHECKING, NoReturn

from botocore import exceptions as aws

from serialize.budget import apart
from serialize.contract import SerializeRequest
from serialize.errors import (
    ImageArchivedError,
    ImageNotFoundError,
    ImageTooLargeError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

BROKEN_TRANSFER = (
    aws.ConnectionError,
    aws.HTTPClientError,
    aws.IncompleteReadError,
    aws.FlexibleChecksumError,
)
# S3 answers MethodNotAllowed for a version that is a delete marker.
GONE = {"NoSuchKey", "NoSuchVersion", "MethodNotAllowed", "404"}
TRANSIENT = {
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
FIRST_SERVER_ERROR = 500
REPLACED = "the photo was replaced by a newer upload under the same key"


def read_object(client: "S3Client", request: SerializeRequest, max_bytes: int) -> bytes:
    """
    Read the bytes of the object version that the event names.

    With a `version_id` that version is read. Without one the key is read and must still have the same ETag.

    Parameters
    ----------
    client
        A boto3 S3 client.
    request
        The image reference; `key` is used as it is.
    max_bytes
        Largest object; at most one byte more is ever held in memory.

    Raises
    ------
    ImageTooLargeError, ImageNotFoundError
        Permanent.
    StorageUnavailableError
        Retryable.
    """
    _check_size(request["size"], max_bytes)
    try:
        answer = _get_object(client, request)
        with closing(answer["Body"]):
            _check_is_the_same(request, answer)
            _check_size(answer["ContentLength"], max_bytes)
            return _read_bounded(answer["Body"], max_bytes)
    except aws.ClientError as error:
        _raise_ours(error, request)
    except BROKEN_TRANSFER as error:
        raise StorageUnavailableError(f"S3 did not deliver the photo ({type(error).__name__})") from error


def _get_object(client: "S3Client", request: SerializeRequest) -> "GetObjectOutputTypeDef":
    bucket, key = request["bucket"], request["key"]
    if version_id := request.get("version_id"):
        return client.get_object(Bucket=bucket, Key=key, VersionId=version_id)
    if etag := _bare(request.get("etag")):
        return client.get_object(Bucket=bucket, Key=key, IfMatch=f'"{etag}"')
    return client.get_object(Bucket=bucket, Key=key)


def _check_is_the_same(request: SerializeRequest, answer: "GetObjectOutputTypeDef") -> None:
    # Not every implementation of S3 honours If-Match on a read, so the response's ETag is compared as well.
    expected = _bare(request.get("etag"))
    if not request.get("version_id") and expected and _bare(answer.get("ETag")) != expected:
        raise ImageNotFoundError(REPLACED)


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        found, limit = apart(size / 1e6, max_bytes / 1e6)
        raise ImageTooLargeError(f"file is {found} MB; the limit is {limit} MB")


def _read_bounded(stream: "StreamingBody", max_bytes: int) -> bytes:
    # botocore detects a transfer that ended early only in the read that returns nothing.
    chunks, size = [], 0
    while chunk := stream.read(max_bytes + 1 - size):
        chunks.append(chunk)
        size += len(chunk)
        _check_size(size, max_bytes)
    return b"".join(chunks)


def _raise_ours(error: aws.ClientError, request: SerializeRequest) -> NoReturn:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in GONE:
        raise ImageNotFoundError(f"the photo is no longer in bucket {request['bucket']} ({code})") from error
    if code in {"PreconditionFailed", "412"}:
        raise ImageNotFoundError(REPLACED) from error
    if code == "InvalidObjectState":  # GetObject in the S3 API reference: archived
        place = error.response.get("StorageClass") or "an archive tier"
        raise ImageArchivedError(
            f"the photo is archived ({place}): restore it, then upload it again"
        ) from error
    if code in TRANSIENT or status >= FIRST_SERVER_ERROR:
        raise StorageUnavailableError(f"S3 is temporarily unavailable ({code})") from error
    raise error


def _bare(etag: str | None) -> str:
    return (etag or "").strip('"')
