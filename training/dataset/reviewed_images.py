"""Read a reviewed image, from S3 in the version that was reviewed or from a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from training.storage import code_of, explained, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from training.dataset.human_labels import Reference

MAX_IMAGE_BYTES = 25_000_000  # as the pipeline accepts
_BAD_REQUEST, _SERVER_ERROR = 400, 500
_EVERY_CALL_FAILS = (  # client errors that are not about the one object
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "SlowDown",
)
_REASONS = {
    "AccessDenied": "not in the bucket, or not for this role to read",
    "InvalidArgument": "there is no such version",
    "MethodNotAllowed": "deleted",
    "NoSuchBucket": "the bucket does not exist",
    "NoSuchKey": "not in the bucket",
    "NoSuchVersion": "this version is not in the bucket",
    "PreconditionFailed": "changed since it was reviewed",
}


class UnavailableImageError(Exception):
    """One image cannot be had; the others may."""


class ImageSource(Protocol):
    """Gives the bytes of a reviewed image."""

    def read(self, image: Reference) -> bytes:
        """Return the file, or raise UnavailableImageError."""


class S3Images:
    """Reviewed images where the pipeline found them."""

    def __init__(self, s3: Any) -> None:  # noqa: ANN401 - a boto3 client
        self._s3 = s3

    def read(self, image: Reference) -> bytes:
        """Return the object, of the version that was reviewed where the reference says which."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only S3 needs it

        if image.bucket is None:
            raise UnavailableImageError("a plain path, without a bucket; give --reviewed-images")
        version = {"VersionId": image.version_id} if image.version_id else {}
        match = {"IfMatch": f'"{image.etag}"'} if image.etag and not image.version_id else {}
        try:
            answer = self._s3.get_object(Bucket=image.bucket, Key=image.key, **version, **match)
            with answer["Body"] as body:
                if answer["ContentLength"] > MAX_IMAGE_BYTES:
                    raise UnavailableImageError(f"larger than {MAX_IMAGE_BYTES} bytes")
                return bytes(body.read())
        except ClientError as error:
            code = code_of(error)
            if code in _EVERY_CALL_FAILS or not _BAD_REQUEST <= status_of(error) < _SERVER_ERROR:
                raise explained(error, str(image)) from error
            raise UnavailableImageError(_REASONS.get(code, f"S3 answers {code}")) from error
        except BotoCoreError as error:
            raise explained(error, str(image)) from error


class FolderImages:
    """Reviewed images in a folder, as <bucket>/<key> or <key>; those of a bucket perhaps elsewhere."""

    def __init__(self, folder: Path, elsewhere: ImageSource | None = None) -> None:
        self._folder, self._elsewhere = folder.resolve(), elsewhere

    def read(self, image: Reference) -> bytes:
        """Return the file."""
        for name in (f"{image.bucket}/{image.key}", image.key):
            path = (self._folder / name.lstrip("/")).resolve()
            if not path.is_relative_to(self._folder):
                raise UnavailableImageError(f"leads out of {self._folder}")
            if path.is_file():
                if path.stat().st_size > MAX_IMAGE_BYTES:
                    raise UnavailableImageError(f"larger than {MAX_IMAGE_BYTES} bytes")
                return path.read_bytes()
        if self._elsewhere is not None and image.bucket is not None:
            return self._elsewhere.read(image)
        raise UnavailableImageError(f"not in {self._folder}")
