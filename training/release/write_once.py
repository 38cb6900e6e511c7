"""Objects in S3 that are written once: the same content again is no error, other content is."""

from __future__ import annotations

import hashlib
from typing import Any

from training.aws import aws_errors
from training.storage import code_of

_TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


class TakenError(Exception):
    """Something else lies under the key already."""


def put_once(s3: Any, data: bytes, bucket: str, key: str) -> bool:  # noqa: ANN401 - boto3 makes its classes
    """Write an object where there is none; return False where it was there with this very content.

    Raises
    ------
    TakenError
        Other content is there.
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
        raise TakenError(
            f"s3://{bucket}/{key} holds something else, and a release is never overwritten; give another prefix"
        )
    return False
