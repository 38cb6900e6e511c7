"""The AWS library, where it is installed, and the region a command works in."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import boto3


# As SageMaker's service model has it: a role's name alone is refused.
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)


class SessionError(Exception):
    """There is no library or no region to call AWS with; the message is one line for a person."""


def open_session(region: str | None) -> boto3.Session:
    """Return a session in the given region, or in the one that configuration or environment names."""
    try:
        import boto3  # noqa: PLC0415 - a dry run needs none
    except ImportError as error:
        raise SessionError("calling AWS needs boto3: pip install boto3") from error
    session = boto3.Session(region_name=region or os.environ.get("AWS_REGION"))
    if not session.region_name:
        raise SessionError("no region: give --region or set AWS_REGION")
    return session


def is_role_arn(text: str) -> bool:
    """Say whether SageMaker takes the text for a role."""
    return bool(_ROLE.fullmatch(text))


def aws_errors() -> tuple[type[Exception], ...]:
    """Return what calls to AWS raise, for an `except`; nothing where the library is not installed."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
    except ImportError:
        return ()
    return BotoCoreError, ClientError
