"""The web application: what SageMaker asks of a container, and what boto3 asks of SageMaker.

A container answers GET /ping and POST /invocations. boto3's sagemaker-runtime client, pointed here, posts to
/endpoints/<name>/invocations instead and expects SageMaker's errors, so a laptop needs no SageMaker.
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
# The status of an answer that is not probabilities: a 5XX, which SageMaker's Invocation5XXErrors counts, so that the
# alarm on it rolls a broken release back; and the one among them that says a repetition will not help (RFC 9110,
# section 15.6.2), so that Classify does not wait for the model.
BROKEN_MODEL = 501
# SageMaker passes this header of a container on to who asked: results can say which model decided.
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
        Keeps what was asked and answered; None keeps nothing.
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
    """Say whether the model is loaded."""
    return Response(status_code=200 if request.app.state.predictor else 503)


async def invocations(request: Request) -> Response:
    """Answer as a container does: the list of probabilities, or a status with a one-line reason."""
    data = await _body(request)
    try:
        answer = JSONResponse(await _classify(request, data), headers=_attributes(request))
    except HTTPException as error:
        return PlainTextResponse(error.detail, error.status_code)
    _capture(request, request.app.state.endpoint_name or UNNAMED_ENDPOINT, data, answer)
    return answer


async def invoke_endpoint(request: Request) -> Response:
    """Answer as SageMaker does in front of a container."""
    name = request.path_params["name"]
    data = await _body(request)
    if request.app.state.endpoint_name not in (None, name):
        return _service_error(400, "ValidationError", message=f"Endpoint {name} not found.")
    try:
        probabilities = await _classify(request, data)
    except HTTPException as error:
        side = "client" if error.status_code < 500 else "server"  # noqa: PLR2004 - HTTP's own division
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
    """Name the model, and its labels as far as they fit: each URL-quoted, with commas between."""
    predictor = request.app.state.predictor
    version, labels = f"model_version={predictor.version}", ",".join(quote(one) for one in predictor.labels)
    both = f"{version};model_labels={labels}"
    return {ATTRIBUTES: both if len(both) <= MAX_ATTRIBUTES else version}


def _capture(request: Request, endpoint: str, data: bytes, answer: JSONResponse) -> None:
    """Keep a successful exchange; what was refused has no prediction to watch."""
    capture: DataCapture | None = request.app.state.capture
    if capture:
        content_type = request.headers.get("content-type", "")
        capture.add(Exchange(endpoint, VARIANT, content_type, data, bytes(answer.body).decode()))


async def _nobody_listens(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)


def _service_error(status: int, code: str, **content: str | int) -> Response:
    return JSONResponse(content, status, headers={"x-amzn-ErrorType": code})


async def _classify(request: Request, data: bytes) -> list[float]:
    """Return the probabilities of the request's image, or raise the status the container answers with."""
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
        logger.error("%s", error)  # noqa: TRY400 - the sentence says all, and may come with every image
        raise HTTPException(BROKEN_MODEL, str(error)) from error
    except Exception as error:
        logger.exception("prediction failed")
        raise HTTPException(500, "prediction failed") from error


async def _body(request: Request) -> bytes:
    """Return the body, or of one that is too long its first MAX_BODY_BYTES + 1 bytes.

    It is read to its end whatever the answer will be: a sender still sending would not hear it.
    """
    kept = bytearray()
    async for chunk in request.stream():
        kept += chunk[: MAX_BODY_BYTES + 1 - len(kept)]
    return bytes(kept)
