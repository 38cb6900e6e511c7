"""Errors a person can act on: one line that says what is wrong and what to do next."""

import sys
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

INTERRUPTED: Final = 130
"""Exit code after Ctrl-C, as shells count it: 128 + SIGINT."""

_NEW_LOGIN: Final = "sign in again (`aws sso login` or `aws configure`), then repeat the command"
_NO_LOGIN: Final = "name a profile with --profile, or sign in (`aws sso login` or `aws configure`)"

_CODES: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"),
        f"the AWS session has expired: {_NEW_LOGIN}",
    ),
    **dict.fromkeys(
        (
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "InvalidToken",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        f"AWS does not accept these credentials: {_NO_LOGIN}",
    ),
    **dict.fromkeys(
        ("RequestExpired", "RequestTimeTooSkewed"),
        "AWS refused the request's time: set this machine's clock, or sign in again",
    ),
    **dict.fromkeys(
        (
            "RequestLimitExceeded",
            "SlowDown",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
        ),
        "AWS is throttling these requests: try again in a minute",
    ),
    "OptInRequired": "this account has not enabled the region: choose another with --region",
}
_DENIED: Final = frozenset(
    {"403", "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)
OBJECT_GONE: Final = frozenset(
    {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405", "InvalidArgument"}
)
"""What S3 answers for an object, or a version, that is not there: MethodNotAllowed for a version that is a delete
marker, InvalidArgument for an id that no version of the bucket has."""
_OF_SIGNATURES: Final = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
"""What services answer to a signature of the wrong time, and some of them to a wrong one too."""
_SIGNED_S: Final = 240
"""A signature is good for five minutes in most services (IAM guide, "Elements of an AWS API request signature")."""
_OF_ONE_OBJECT: Final = frozenset(
    {"EntityTooLarge", "InvalidArgument", "InvalidURI", "KeyTooLongError", "BadDigest", "RequestTimeout"}
)

_EXCEPTIONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"),
        f"no usable AWS credentials: {_NO_LOGIN}",
    ),
    **dict.fromkeys(
        (
            "LoginError",
            "LoginRefreshRequired",
            "SSOError",
            "SSOTokenLoadError",
            "TokenRetrievalError",
            "UnauthorizedSSOTokenError",
        ),
        f"the AWS sign-in has expired: {_NEW_LOGIN}",
    ),
    **dict.fromkeys(
        ("NoRegionError", "InvalidRegionError"),
        "no valid AWS region: name one with --region, for example --region us-east-1",
    ),
}


class SconesError(click.ClickException):
    """A usage or connection error: its message is the whole explanation. Exit code 2."""

    exit_code = 2


def explain(error: BaseException) -> str | None:
    """Say an AWS client error in one line with the next step.

    Returns
    -------
    str or None
        None for everything that is not botocore's: a bug should keep its traceback.
    """
    if "botocore" not in sys.modules:
        return None
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow, and already loaded)

    match error:
        case ClientError():
            return _one_line(_explain_answer(error))
        case BotoCoreError():
            return _one_line(_explain_client(error))
        case _:
            return None


def error_code(error: "ClientError") -> str:
    """Return AWS's code of an error answer: it identifies an error; the text does not."""
    return error.response.get("Error", {}).get("Code", "Unknown")


def is_denied(error: BaseException) -> bool:
    """Tell whether AWS refused a request for want of a permission."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    return isinstance(error, ClientError) and error_code(error) in _DENIED


def concerns_one_object(error: BaseException) -> bool:
    """Tell whether a failed upload is that file's own fault, so that the others can continue."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 (slow)

    match error:
        case ClientError():
            return error_code(error) in _OF_ONE_OBJECT
        case _:
            return not isinstance(error, BotoCoreError)


def _explain_answer(error: "ClientError") -> str:
    code = error_code(error)
    message = error.response.get("Error", {}).get("Message") or "no message"
    if code in _OF_SIGNATURES and (minutes := _minutes_off(error)):
        return f"this machine's clock is {minutes} minutes off, so AWS refuses its requests: set the clock"
    if code in _CODES:
        return _CODES[code]
    if code in _DENIED:
        return (
            f"not allowed to call {error.operation_name} ({message}): "
            "use a profile or role that may, see --profile"
        )
    if code == "NoSuchBucket":
        return "the stack's bucket is gone: deploy the stack again"
    return f"AWS answered {code} to {error.operation_name}: {message}"


def _minutes_off(error: "ClientError") -> int:
    """Return by how many minutes this machine's clock differs from the answer's Date; 0 where AWS allows it."""
    header = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    try:
        off_s = abs(time.time() - parsedate_to_datetime(header or "").timestamp())
    except ValueError:
        return 0
    return round(off_s / 60) if off_s > _SIGNED_S else 0


def _explain_client(error: "BotoCoreError") -> str:
    from botocore.exceptions import ConnectionError as NoConnection  # noqa: PLC0415 (slow)
    from botocore.exceptions import HTTPClientError, ProfileNotFound  # noqa: PLC0415 (slow)

    for kind in type(error).__mro__:
        if kind.__name__ in _EXCEPTIONS:
            return _EXCEPTIONS[kind.__name__]
    details: Mapping[str, object] = error.kwargs
    match error:
        case ProfileNotFound():
            return f"no AWS profile named {details.get('profile')}: see `aws configure list-profiles`"
        case HTTPClientError() | NoConnection():
            return _explain_connection(str(details.get("endpoint_url") or ""), error)
        case _:
            return f"{type(error).__name__}: {error}"


def _explain_connection(url: str, error: "BotoCoreError") -> str:
    host = urlsplit(url).hostname
    if host in {"127.0.0.1", "localhost", "::1"}:
        return f"the local cloud at {url} does not answer: start it again with `scones up`"
    if host is None:
        return f"the connection to AWS failed ({error}): check the network, then repeat the command"
    return f"cannot reach {host}: check the network and the region"


def _one_line(text: str) -> str:
    return " ".join(text.split())
