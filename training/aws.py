"""Access to AWS for all commands: the session, API calls as values, and the exceptions that calls raise."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.errors import AwsError

if TYPE_CHECKING:
    import boto3

CONNECTIONS = 16
_ATTEMPTS = 6
# As in SageMaker's service model: the name of a role alone is rejected.
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+", re.ASCII)


def open_session(region: str | None = None, *, region_needed: bool = True) -> boto3.Session:
    """Return the session from which all clients of a command are created.

    Its clients retry, and have one connection per thread.

    Parameters
    ----------
    region
        Default: the region of the configuration or the environment.
    region_needed
        False if only S3 is called.

    Raises
    ------
    AwsError
        The library or the region is missing.
    """
    try:
        import boto3  # noqa: PLC0415 - a dry run needs none
        import botocore.session  # noqa: PLC0415 - as above
        from botocore.config import Config  # noqa: PLC0415 - as above
    except ImportError as error:
        raise AwsError("calling AWS needs boto3: pip install boto3") from error
    core = botocore.session.get_session()
    core.set_default_client_config(
        Config(
            max_pool_connections=CONNECTIONS, retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}
        )
    )
    session = boto3.Session(botocore_session=core, region_name=region or os.environ.get("AWS_REGION"))
    if region_needed and not session.region_name:
        raise AwsError("no region: give --region or set AWS_REGION")
    return session


def s3_client(region: str | None = None) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return a client of S3, which needs no region.

    Raises
    ------
    AwsError
        The library is missing, or AWS_ENDPOINT_URL is not an address.
    """
    try:
        return open_session(region, region_needed=False).client("s3")
    except ValueError as error:
        raise AwsError(f"{error}; correct AWS_ENDPOINT_URL") from error


def is_role_arn(text: str) -> bool:
    """Whether SageMaker accepts the text as a role."""
    return bool(_ROLE.fullmatch(text))


def aws_errors() -> tuple[type[Exception], ...]:
    """Return the exceptions of calls to AWS, for an `except`; empty if the library is not installed."""
    try:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - as above
    except ImportError:
        return ()
    return BotoCoreError, ClientError


@dataclass(frozen=True, slots=True)
class Call:
    """One API call with boto3's arguments.

    Parameters
    ----------
    service
        boto3's name of the service.
    operation
        The operation as AWS writes it, for example "CreateModel".
    arguments
        Its request.
    condition
        The condition under which it is made, in words; empty if it is always made.
    """

    service: str
    operation: str
    arguments: dict[str, Any]
    condition: str = ""

    def __str__(self) -> str:
        """Format the call for display: a comment with the condition, the operation, the request as JSON."""
        comment = f"# {self.condition}\n" if self.condition else ""
        return f"{comment}{self.service} {self.operation} {json.dumps(self.arguments, indent=2)}"

    def make(self, session: boto3.Session) -> dict[str, Any]:
        """Make the call with boto3 and return the response."""
        from botocore import xform_name  # noqa: PLC0415 - a dry run needs no AWS library

        client: Any = session.client(self.service)  # type: ignore[call-overload]  # any service by its name
        method = getattr(client, xform_name(self.operation))
        answer: dict[str, Any] = method(**self.arguments)
        return answer
