"""The bytes that a reviewer decides about: those that were classified, or none.

An image is gone as soon as its key is deleted, even while the bucket still has its older versions: whoever deleted it
did not mean it to be looked at, or learned from. One that was replaced is shown as it was classified where the bucket
has versions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from scones.decisions.review_errors import ImageGoneError, named_permissions
from scones.errors import OBJECT_GONE, error_code

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from scones.decisions.review_image import ReviewImage

_REPLACED: Final = frozenset({"PreconditionFailed", "412"})


def read_image(s3: "S3Client", bucket: str, image: "ReviewImage") -> bytes:
    """
    Read the bytes of an image.

    Raises
    ------
    ImageGoneError
        When it was deleted or has expired, or other bytes have its key and the bucket has no versions.
    """
    require_image(s3, bucket, image)
    with _gone(image):
        answer = s3.get_object(Bucket=bucket, Key=image.key, **_version(image))
        with answer["Body"] as body:
            _require_etag(answer["ETag"], image)
            return body.read()


def require_image(s3: "S3Client", bucket: str, image: "ReviewImage") -> None:
    """
    See that an image can still be decided about.

    Raises
    ------
    ImageGoneError
        As of `read_image`.
    """
    with _gone(image):
        if not image.version_id:
            answer = s3.head_object(Bucket=bucket, Key=image.key, **_version(image))
            _require_etag(answer["ETag"], image)
            return
        current = s3.head_object(
            Bucket=bucket, Key=image.key
        )  # 404 where the newest version is a delete marker
        if current.get("VersionId") != image.version_id:
            s3.head_object(Bucket=bucket, Key=image.key, **_version(image))


def _require_etag(etag: str, image: "ReviewImage") -> None:
    """See that the bytes are those of the claim, which not every implementation of S3 does for If-Match."""
    if etag.strip('"') != image.etag:
        raise _replaced(image)


def _replaced(image: "ReviewImage") -> ImageGoneError:
    return ImageGoneError(f"other bytes were uploaded as {image.key}: {_what_follows(image)}")


def _what_follows(image: "ReviewImage") -> str:
    return "it leaves the queue without a label" if image.waits else "it cannot be corrected"


def _version(image: "ReviewImage") -> dict[str, Any]:
    return {"VersionId": image.version_id} if image.version_id else {"IfMatch": f'"{image.etag}"'}


@contextmanager
def _gone(image: "ReviewImage") -> Iterator[None]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        with named_permissions():
            yield
    except ClientError as error:
        code = error_code(error)
        if code in _REPLACED:
            raise _replaced(image) from error
        if code not in OBJECT_GONE:
            raise
        message = f"{image.key} was deleted or has expired: {_what_follows(image)}"
        raise ImageGoneError(message) from error
