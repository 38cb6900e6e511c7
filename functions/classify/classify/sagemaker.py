"""Invoke a SageMaker endpoint, and map SageMaker's errors to this function's own."""

import re
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote

from botocore import exceptions as aws

from classify.errors import (
    EndpointNotFoundError,
    EndpointThrottledError,
    EndpointUnavailableError,
    InvalidPredictionError,
)

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

BROKEN_CONNECTION = (aws.ConnectionError, aws.HTTPClientError, aws.IncompleteReadError)
THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "SlowDown",
    "Throttling",
    "ThrottledException",
    "ThrottlingException",
    "TooManyRequestsException",
}
UNAVAILABLE = {
    "InternalDependencyException",
    "InternalFailure",
    "InternalServerError",
    "InternalServerException",
    "ModelNotReadyException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
}
NOT_FOUND = {"ValidationError", "ValidationException"}
TOO_MANY_REQUESTS, FIRST_SERVER_ERROR = 429, 500
# Meaning of a container's status (ModelError's OriginalStatusCode). A retry can help after 408 and 425 (RFC 9110,
# RFC 8470), but not after another 4XX, 501 or 505. Everything else is retryable: other 5XX, and 0, SageMaker's
# "Received server error (0)" for a container that did not respond within its minute.
CLIENT_ERRORS = range(400, 500)
RETRYABLE_CLIENT_ERRORS = {408, 425}
PERMANENT_SERVER_ERRORS = {501, 505}
MAX_ANSWER_BYTES = 1_000_000
MODEL_VERSION = re.compile(r"(?:^|[,; ])model_version=([A-Za-z0-9._-]{1,64})(?:$|[,; ])")
MODEL_LABELS = re.compile(r"(?:^|[; ])model_labels=([^; ]+)")


@dataclass(frozen=True, slots=True)
class Answer:
    """The body of an endpoint's response, the variant, and the model's version and labels where they are reported."""

    body: bytes
    variant: str | None
    model_version: str | None = None
    model_labels: tuple[str, ...] | None = None


def invoke(client: "SageMakerRuntimeClient", endpoint_name: str, image: bytes, content_type: str) -> Answer:
    """
    Send one image to an endpoint.

    Parameters
    ----------
    client
        A boto3 sagemaker-runtime client.
    image
        The encoded image.

    Raises
    ------
    EndpointThrottledError, EndpointUnavailableError
        Retryable.
    EndpointNotFoundError, InvalidPredictionError
        Permanent.
    """
    try:
        response = client.invoke_endpoint(
            EndpointName=endpoint_name, ContentType=content_type, Accept="application/json", Body=image
        )
        with closing(response["Body"]) as stream:
            body = _read(stream)
    except aws.ClientError as error:
        _raise_ours(error, endpoint_name)
    except BROKEN_CONNECTION as error:
        reason = f"endpoint {endpoint_name} could not be reached ({type(error).__name__})"
        raise EndpointUnavailableError(reason) from error
    attributes = response.get("CustomAttributes")
    variant = response.get("InvokedProductionVariant")
    return Answer(body, variant, _model_version(attributes), _model_labels(attributes))


def _model_version(attributes: str | None) -> str | None:
    """Find the version in the custom attributes that this project's container sets; others may set anything."""
    found = MODEL_VERSION.search(attributes or "")
    return found[1] if found else None


def _model_labels(attributes: str | None) -> tuple[str, ...] | None:
    found = MODEL_LABELS.search(attributes or "")
    return tuple(unquote(label) for label in found[1].split(",")) if found else None


def _read(stream: Any) -> bytes:  # noqa: ANN401 - botocore's StreamingBody, or a test's
    # botocore detects a response that ended early only in the read that returns nothing.
    chunks, size = [], 0
    while chunk := stream.read(MAX_ANSWER_BYTES + 1 - size):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise InvalidPredictionError(f"the endpoint's response is longer than {MAX_ANSWER_BYTES} bytes")
    return b"".join(chunks)


def _raise_ours(error: aws.ClientError, name: str) -> NoReturn:
    code = error.response.get("Error", {}).get("Code") or ""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ModelError":
        _raise_for_container(error, name)
    if code in THROTTLED or (status == TOO_MANY_REQUESTS and code not in UNAVAILABLE):
        raise EndpointThrottledError(f"endpoint {name} is throttling ({code})") from error
    if code in UNAVAILABLE or status >= FIRST_SERVER_ERROR:
        raise EndpointUnavailableError(f"endpoint {name} is temporarily unavailable ({code})") from error
    if code in NOT_FOUND:
        raise EndpointNotFoundError(
            _sentence(f"endpoint {name} does not accept requests", _said(error))
        ) from error
    raise error


def _raise_for_container(error: aws.ClientError, name: str) -> NoReturn:
    status = error.response.get("OriginalStatusCode")
    # Without a status the cause is unknown: a retry is the safe choice.
    status = status if isinstance(status, int) else FIRST_SERVER_ERROR
    reason = _sentence(f"the model of endpoint {name} answered {status}", _said(error))
    if status == TOO_MANY_REQUESTS:
        raise EndpointThrottledError(reason) from error
    is_client_error = status in CLIENT_ERRORS and status not in RETRYABLE_CLIENT_ERRORS
    if is_client_error or status in PERMANENT_SERVER_ERRORS:
        raise InvalidPredictionError(reason) from error
    raise EndpointUnavailableError(reason) from error


def _said(error: aws.ClientError) -> str:
    said = error.response.get("OriginalMessage") or error.response.get("Error", {}).get("Message") or ""
    return " ".join(str(said).split())[:200]


def _sentence(what: str, why: str) -> str:
    return f"{what}: {why}" if why else what
