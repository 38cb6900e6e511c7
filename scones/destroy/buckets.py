"""Deletes a bucket with all that is in it: every version, delete markers, and uploads that were never completed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import batched
from typing import TYPE_CHECKING, Final

from scones.destroy.errors import NotDestroyedError
from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_ROUNDS = 8
"""Times that a bucket is emptied: what writes into it should have ended long before."""
_PAUSE_S = 2.0
_THREADS = 4
"""More of them, and S3 answers SlowDown: each request counts as a thousand."""
_PASSING: Final = frozenset(
    {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
)
"""Errors of one key that another round may not meet."""


def delete_bucket(
    s3: "S3Client", name: str, sleep: Callable[[float], None], on_deleted: Callable[[int], None]
) -> None:
    """Empty a bucket and delete it; one that is gone is fine.

    S3 refuses to delete a bucket that something was written to meanwhile: then it is emptied again, a few times.
    Listing and deleting at once may also skip versions, which the next round finds.

    Parameters
    ----------
    s3, name
        The client and the bucket.
    sleep
        Called with seconds between two rounds.
    on_deleted
        Called with the number of versions of each batch that was deleted.

    Raises
    ------
    NotDestroyedError
        When S3 refuses to delete a key, or the bucket fills again and again.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    reason = "something still writes to it"
    for number in range(_ROUNDS):
        if number:
            sleep(_PAUSE_S)
        try:
            reason = _empty(s3, name, on_deleted) or reason
            s3.delete_bucket(Bucket=name)
        except ClientError as error:
            match error_code(error):
                case "NoSuchBucket":
                    return
                case "BucketNotEmpty":
                    continue
                case _:
                    raise
        return
    message = f"bucket {name} is not empty after {_ROUNDS} rounds of deleting: {reason}"
    raise NotDestroyedError(message)


def _empty(s3: "S3Client", bucket: str, on_deleted: Callable[[int], None]) -> str | None:
    """Delete what a listing names; returns why some of it stayed, if any did."""
    reason = None
    with ThreadPoolExecutor(_THREADS) as pool:
        for pages in batched(_list_versions(s3, bucket), _THREADS, strict=False):
            for deleted, refused in pool.map(lambda page: _delete(s3, bucket, page), pages):
                on_deleted(deleted)
                reason = refused or reason
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            _abort(s3, bucket, upload["Key"], upload["UploadId"])
    return reason


def _list_versions(s3: "S3Client", bucket: str) -> Iterator[list["ObjectIdentifierTypeDef"]]:
    """Yield pages of up to a thousand, as many as S3 deletes at once."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if found:
            yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


def _delete(s3: "S3Client", bucket: str, versions: list["ObjectIdentifierTypeDef"]) -> tuple[int, str | None]:
    """Delete up to a thousand versions; returns how many went, and the reason of one that stayed for now."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    except ClientError as error:
        if error_code(error) != "MalformedXML":
            raise
        # S3 takes keys that XML cannot carry, such as one with a control character: those go one by one.
        for version in versions:
            s3.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version.get("VersionId", "null"))
        return len(versions), None
    refused = None
    for one in answer.get("Errors", []):
        refused = f"{one.get('Key')!r}: {one.get('Message') or 'no message'} ({one.get('Code')})"
        if one.get("Code") not in _PASSING:
            message = f"S3 refuses to empty bucket {bucket}: {refused}"
            raise NotDestroyedError(message)
    return len(versions) - len(answer.get("Errors", [])), refused


def _abort(s3: "S3Client", bucket: str, key: str, upload_id: str) -> None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    except ClientError as error:
        if error_code(error) != "NoSuchUpload":
            raise
