"""S3 through a client passed in: addresses, listing, write-once objects, and one-line errors by code."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from training.aws import aws_errors
from training.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")
_PERMISSIONS = "the role needs s3:ListBucket and s3:GetObject, and for --upload s3:PutObject"
_AGAIN = "run the command again; existing objects are skipped"
_NEXT_STEPS = {
    "NoSuchBucket": "create the bucket, or correct its name: there is no such bucket",
    "NoSuchKey": "it no longer exists",
    "AccessDenied": _PERMISSIONS,
    "403": _PERMISSIONS,
    "ExpiredToken": "sign in again",
    "InvalidAccessKeyId": "check the AWS keys or the profile",
    "SignatureDoesNotMatch": "check the AWS keys or the profile",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "NoCredentialsError": "set AWS_PROFILE, or sign in",
    "PartialCredentialsError": "set AWS_PROFILE, or sign in",
    "ParamValidationError": "not an S3 address; the form is s3://bucket/prefix",
    "EndpointConnectionError": "check the network, and AWS_ENDPOINT_URL if it is set",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and a prefix of keys; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        """Return the address as s3://bucket/prefix."""
        return f"s3://{self.bucket}/{self.prefix}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Parse s3://bucket/prefix.

        Raises
        ------
        StorageError
            The text is not such an address.
        """
        scheme, mark, rest = text.partition("://")
        bucket, _, prefix = rest.partition("/")
        if scheme != "s3" or not mark or not bucket:
            raise StorageError(f"{text!r} is not of the form s3://bucket/prefix")
        prefix = prefix.strip("/")
        return cls(bucket, f"{prefix}/" if prefix else "")


class Listed(NamedTuple):
    """One object of a listing."""

    key: str
    size: int
    etag: str


def listing(s3: Any, address: Address) -> Iterator[Listed]:  # noqa: ANN401
    """Yield the objects below an address."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.prefix):
        for found in page.get("Contents", ()):
            yield Listed(found["Key"], found["Size"], found["ETag"].strip('"'))


def code_of(error: Exception) -> str:
    """Return S3's error code, or the class of an error that never reached S3."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def status_of(error: Exception) -> int:
    """Return the HTTP status of S3's response; 0 if there was none."""
    answer = getattr(error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def next_step(error: Exception) -> str | None:
    """Return the next step for S3's error; None if there is none."""
    return _NEXT_STEPS.get(code_of(error))


def explained(error: Exception, what: str) -> StorageError:
    """Return one line: what failed, the code, and the next step."""
    return StorageError(f"{what}: {code_of(error)}: {next_step(error) or _AGAIN}")


def put_once(s3: Any, data: bytes, bucket: str, key: str) -> bool:  # noqa: ANN401 - boto3 makes its classes
    """Write an object unless it exists; return False if it exists with the same content.

    Raises
    ------
    StorageError
        It exists with different content.
    """
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=data, IfNoneMatch="*")
    except aws_errors() as error:
        if code_of(error) not in _TAKEN:
            raise
    else:
        return True
    there = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if hashlib.sha256(there).digest() != hashlib.sha256(data).digest():
        raise StorageError(
            f"s3://{bucket}/{key} has different content, and a release is never overwritten; give another prefix"
        )
    return False
