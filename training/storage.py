"""S3 through a client passed in: addresses, listing, and errors by code in one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from training.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 16
_NEXT_STEPS = {
    "NoSuchBucket": "create the bucket, or correct its name",
    "AccessDenied": "the role needs s3:ListBucket and s3:GetObject, and for --upload s3:PutObject",
    "ExpiredToken": "sign in again",
    "InvalidAccessKeyId": "check the AWS keys or the profile",
    "SignatureDoesNotMatch": "check the AWS keys or the profile",
    "PermanentRedirect": "set AWS_REGION to the bucket's region",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "NoCredentialsError": "set AWS_PROFILE, or sign in",
    "EndpointConnectionError": "check the network, and AWS_ENDPOINT_URL if it is set",
}


@dataclass(frozen=True, slots=True)
class Address:
    """A bucket and the beginning of keys in it; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"s3://{self.bucket}/{self.prefix}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read s3://bucket/prefix.

        Raises
        ------
        StorageError
            It is none.
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


def s3_client() -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return a client that retries, with a connection for each thread."""
    try:
        import boto3  # noqa: PLC0415 - only S3 needs it
        from botocore.config import Config  # noqa: PLC0415
    except ImportError as error:
        raise StorageError("s3:// needs boto3: pip install boto3") from error
    retries: Any = {"mode": "standard", "total_max_attempts": 6}
    return boto3.client("s3", config=Config(max_pool_connections=CONNECTIONS, retries=retries))


def listing(s3: Any, address: Address) -> Iterator[Listed]:  # noqa: ANN401
    """Yield what is below an address."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=address.bucket, Prefix=address.prefix):
        for found in page.get("Contents", ()):
            yield Listed(found["Key"], found["Size"], found["ETag"].strip('"'))


def code_of(error: Exception) -> str:
    """Return the code that S3 answered, or the class of an error that never reached S3."""
    answer = getattr(error, "response", None) or {}
    return str(answer.get("Error", {}).get("Code") or type(error).__name__)


def status_of(error: Exception) -> int:
    """Return the HTTP status of S3's answer; 0 where there was none."""
    answer = getattr(error, "response", None) or {}
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def explained(error: Exception, what: str) -> StorageError:
    """Return one line: what failed, the code, and what to do."""
    code = code_of(error)
    step = _NEXT_STEPS.get(code, "run the command again; what is there already is skipped")
    return StorageError(f"{what}: {code}: {step}")
