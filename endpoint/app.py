"""The web application: the container's interface to SageMaker, and SageMaker's interface to boto3.

A container serves GET /ping and POST /invocations. boto3's sagemaker-runtime client, configured with this server's
address, posts to /endpoints/<name>/invocations and expects SageMaker's errors, so a laptop needs no SageMaker.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from endpoint.errors import ImageError, InvalidAnswerError
from endpoint.exchange import UNNAMED_ENDPOINT, Exchange

if TYPE_CHECKING:
    from starlette.requests import Request

    from endpoint.capture import DataCapture
    from endpoint.predictor import Predictor

ACCEPTED = ("image/jpeg", "image/png", "application/x-image")
MAX_BODY_BYTES = 6 * 1024 * 1024  # SageMaker's own limit
VARIANT = "AllTraffic"
# The status when the model's output is not probabilities. A 5XX is counted by SageMaker's Invocation5XXErrors, whose
# alarm rolls a broken release back; 501 is the 5XX that says a retry will not help (RFC 9110, section 15.6.2), so
# Classify does not retry.
BROKEN_MODEL = 501
# SageMaker forwards this header from the container to the caller, so results can name the model.
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
MAX_ATTRIBUTES = 1024  # characters (SageMaker's API reference, "InvokeEndpoint")

logger = logging.getLogger(__name__)


def create_app(
    predictor: Predictor | None, endpoint_name: str | None = None, capture: DataCapture | None = None
) -> Starlette:
    """Return the application.

    Parameters
    ----------
    predictor
        The model; None answers 503 until `app.state.predictor` is set.
    endpoint_name
        The only endpoint that exists under /endpoints; None accepts any name.
    capture
        Captures requests and responses; None captures nothing.
    """
    app = Starlette(
        routes=[
            Route("/ping", ping),
            Route("/invocations", invocations, methods=["POST"]),
            Route("/endpoints/{name}/invocations", invoke_endpoint, methods=["POST"]),
        ],
        exception_handlers={ClientDisconnect: _nobody_listens},
    )
    app.state.predictor = predictor
    app.state.endpoint_name = endpoint_name
    app.state.capture = capture
    return app


async def ping(request: Request) -> Response:
    """Report whether the model is loaded."""
    return Response(status_code=200 if request.app.state.predictor else 503)


async def invocations(request: Request) -> Response:
    """Respond as a container: the list of probabilities, or an error status with a one-line reason."""
    data = await _body(request)
    try:
        answer = JSONResponse(await _classify(request, data), headers=_attributes(request))
    except HTTPException as error:
        return PlainTextResponse(error.detail, error.status_code)
    _capture(request, request.app.state.endpoint_name or UNNAMED_ENDPOINT, data, answer)
    return answer


async def invoke_endpoint(request: Request) -> Response:
    """Respond as SageMaker does in front of a container."""
    name = request.path_params["name"]
    data = await _body(request)
    if request.app.state.endpoint_name not in (None, name):
        return _service_error(400, "ValidationError", message=f"Endpoint {name} not found.")
    try:
        probabilities = await _classify(request, data)
    except HTTPException as error:
        side = "client" if error.status_code < 500 else "server"  # noqa: PLR2004 - HTTP's own classes
        answer = f'Received {side} error ({error.status_code}) from primary with message "{error.detail}".'
        return _service_error(
            424,
            "ModelError",
            Message=answer,
            OriginalMessage=error.detail,
            OriginalStatusCode=error.status_code,
        )
    headers = {"x-Amzn-Invoked-Production-Variant": VARIANT, **_attributes(request)}
    success = JSONResponse(probabilities, headers=headers)
    _capture(request, name, data, success)
    return success


def _attributes(request: Request) -> dict[str, str]:
    """Return the model's version, and its labels if they fit: each URL-quoted, separated by commas."""
    predictor = request.app.state.predictor
    version, labels = f"model_version={predictor.version}", ",".join(quote(one) for one in predictor.labels)
    both = f"{version};model_labels={labels}"
    return {ATTRIBUTES: both if len(both) <= MAX_ATTRIBUTES else version}


def _capture(request: Request, endpoint: str, data: bytes, answer: JSONResponse) -> None:
    """Capture a successful exchange; a rejected request has no prediction to monitor."""
    capture: DataCapture | None = request.app.state.capture
    if capture:
        content_type = request.headers.get("content-type", "")
        capture.add(Exchange(endpoint, VARIANT, content_type, data, bytes(answer.body).decode()))


async def _nobody_listens(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)


def _service_error(status: int, code: str, **content: str | int) -> Response:
    return JSONResponse(content, status, headers={"x-amzn-ErrorType": code})


async def _classify(request: Request, data: bytes) -> list[float]:
    """Return the probabilities of the request's image, or raise an error with the container's status."""
    predictor: Predictor | None = request.app.state.predictor
    if predictor is None:
        raise HTTPException(503, "the model is not loaded yet")
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in ACCEPTED:
        raise HTTPException(415, f"content type {content_type or 'missing'}; accepted: {', '.join(ACCEPTED)}")
    if len(data) > MAX_BODY_BYTES:
        raise HTTPException(413, f"the body has more than {MAX_BODY_BYTES} bytes")
    try:
        return await run_in_threadpool(predictor.predict, data)
    except ImageError as error:
        raise HTTPException(400, str(error)) from error
    except InvalidAnswerError as error:
        logger.error("%s", error)  # noqa: TRY400 - the message is enough, and may be logged for every image
        raise HTTPException(BROKEN_MODEL, str(error)) from error
    except Exception as error:
        logger.exception("prediction failed")
        raise HTTPException(500, "prediction failed") from error


async def _body(request: Request) -> bytes:
    """Return the body, or the first MAX_BODY_BYTES + 1 bytes of one that is too long.

    It is always read to its end: a client that is still sending would not read the response.
    """
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk[: MAX_BODY_BYTES + 1 - len(kept)]
    return bytes(kept)
