from typing import Any, cast

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)

from classify import errors
from classify.errors import (
    EndpointNotFoundError,
    EndpointUnavailableError,
    InvalidPredictionError,
    InvalidRequestError,
)
from classify.request import image_of
from classify.sagemaker import Answer, invoke
from tests.fakes.aws_clients import FakeBody, FakeSageMakerRuntime, client_error

URL = "https://runtime.example"


def ask(runtime: FakeSageMakerRuntime) -> Any:
    return invoke(cast("Any", runtime), "scones", b"png", "image/png")


def model_error(status: object, message: str | None = "broken\nin two  lines") -> Exception:
    return client_error(
        "ModelError", 424, "Received error", OriginalStatusCode=status, OriginalMessage=message
    )


def test_the_answer_and_its_variant_are_passed_on() -> None:
    runtime = FakeSageMakerRuntime(FakeBody(b"[0.25, 0.75]", piece=5))
    assert ask(runtime) == Answer(b"[0.25, 0.75]", "AllTraffic")
    assert runtime.calls == [
        {"EndpointName": "scones", "ContentType": "image/png", "Accept": "application/json", "Body": b"png"}
    ]
    assert runtime.body.closed


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("model_version=c0a03708f4d4", "c0a03708f4d4"),
        ("trace=1, model_version=v1.2-b; x=y", "v1.2-b"),
        ("old_model_version=1", None),
        ("model_version=two words!", "two"),
        ("model_version=" + "a" * 65, None),
        ("anything", None),
        (None, None),
    ],
)
def test_the_model_that_answered_is_named(said: str | None, version: str | None) -> None:
    assert ask(FakeSageMakerRuntime(attributes=said)).model_version == version


@pytest.mark.parametrize(
    ("said", "labels"),
    [
        ("model_version=1;model_labels=cat,hot%20dog", ("cat", "hot dog")),
        ("model_labels=a%2Cb,c%3Bd", ("a,b", "c;d")),
        ("model_version=1", None),
        ("other_model_labels=a,b", None),
        (None, None),
    ],
)
def test_the_labels_of_the_model_are_read(said: str | None, labels: tuple[str, ...] | None) -> None:
    assert ask(FakeSageMakerRuntime(attributes=said)).model_labels == labels


def test_an_endpoint_need_not_name_its_variant() -> None:
    assert ask(FakeSageMakerRuntime(variant=None)).variant is None


@pytest.mark.parametrize(
    ("failure", "name"),
    [
        (client_error("ThrottlingException", 400, None), "EndpointThrottledError"),
        (client_error("TooManyRequestsException", 429), "EndpointThrottledError"),
        (client_error("429", 429), "EndpointThrottledError"),
        (model_error(429), "EndpointThrottledError"),
        (client_error("ModelNotReadyException", 429), "EndpointUnavailableError"),
        (client_error("InternalFailure", 500, None), "EndpointUnavailableError"),
        (client_error("InternalServerException", 500), "EndpointUnavailableError"),
        (client_error("InternalDependencyException", 530), "EndpointUnavailableError"),
        (client_error("ServiceUnavailable", 503), "EndpointUnavailableError"),
        (client_error("ServiceUnavailableException", 503), "EndpointUnavailableError"),
        (client_error("502", 502), "EndpointUnavailableError"),
        (model_error(500), "EndpointUnavailableError"),
        (model_error(503, None), "EndpointUnavailableError"),
        (model_error(None), "EndpointUnavailableError"),
        (EndpointConnectionError(endpoint_url=URL), "EndpointUnavailableError"),
        (ConnectTimeoutError(endpoint_url=URL), "EndpointUnavailableError"),
        (ReadTimeoutError(endpoint_url=URL), "EndpointUnavailableError"),
        (ConnectionClosedError(endpoint_url=URL), "EndpointUnavailableError"),
        (client_error("ValidationError", 400, "Endpoint scones not found."), "EndpointNotFoundError"),
        (client_error("ValidationException", 400, None), "EndpointNotFoundError"),
        (model_error(400), "InvalidPredictionError"),
        (model_error(413), "InvalidPredictionError"),
        (model_error(415), "InvalidPredictionError"),
        (model_error(499), "InvalidPredictionError"),
        (model_error(501), "InvalidPredictionError"),
        (model_error(505), "InvalidPredictionError"),
        (model_error(0), "EndpointUnavailableError"),
        (model_error(408), "EndpointUnavailableError"),
        (model_error(425), "EndpointUnavailableError"),
        (model_error(502), "EndpointUnavailableError"),
        (model_error(504), "EndpointUnavailableError"),
        (model_error(507), "EndpointUnavailableError"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_errors_are_told_by_their_code(failure: Exception, name: str) -> None:
    with pytest.raises(getattr(errors, name)) as found:
        ask(FakeSageMakerRuntime(failure=failure))
    assert found.value.__cause__ is failure
    assert str(found.value).isprintable()
    assert "scones" in str(found.value)
    assert "None" not in str(found.value)


def test_a_text_about_throttling_does_not_make_a_throttle() -> None:
    failure = client_error("ValidationError", 400, "ThrottlingException: rate exceeded")
    with pytest.raises(EndpointNotFoundError):
        ask(FakeSageMakerRuntime(failure=failure))


def test_the_containers_reason_is_told_in_one_short_line() -> None:
    with pytest.raises(InvalidPredictionError, match="answered 400: broken in two lines"):
        ask(FakeSageMakerRuntime(failure=model_error(400)))
    with pytest.raises(InvalidPredictionError) as found:
        ask(FakeSageMakerRuntime(failure=model_error(400, "x" * 5000)))
    assert len(str(found.value)) < 300


@pytest.mark.parametrize(
    "failure", [client_error("AccessDeniedException", 403), client_error(None, 400), NoCredentialsError()]
)
def test_the_rest_is_passed_on_as_it_is(failure: Exception) -> None:
    with pytest.raises(type(failure)) as found:
        ask(FakeSageMakerRuntime(failure=failure))
    assert found.value is failure


@pytest.mark.parametrize(
    "failure",
    [
        ReadTimeoutError(endpoint_url=URL),
        ResponseStreamingError(error="reset"),
        IncompleteReadError(actual_bytes=2, expected_bytes=9),
    ],
)
def test_an_answer_that_breaks_off_is_transient(failure: Exception) -> None:
    runtime = FakeSageMakerRuntime(FakeBody(b"[0", failure=failure))
    with pytest.raises(EndpointUnavailableError, match=type(failure).__name__):
        ask(runtime)
    assert runtime.body.closed


def test_an_endless_answer_is_invalid() -> None:
    runtime = FakeSageMakerRuntime(FakeBody(b"[" * 3_000_000))
    with pytest.raises(InvalidPredictionError, match="longer than"):
        ask(runtime)
    assert runtime.body.read_bytes <= 1_000_001


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"content_type": "image/png"}, "image_data is missing"),
        ({"content_type": "image/png", "image_data": ""}, "image_data is missing"),
        ({"content_type": "image/png", "image_data": 5}, "image_data is missing"),
        ({"content_type": "image/png", "image_data": "abc"}, "not base64"),
        ({"content_type": "image/png", "image_data": "ab cd==="}, "not base64"),
        ({"content_type": "image/png", "image_data": "äöü="}, "not base64"),
        ({"content_type": "image/gif", "image_data": "QUJD"}, "content_type must be"),
        ({"image_data": "QUJD"}, "content_type must be"),
    ],
)
def test_a_request_without_a_proper_image_is_refused(request_: Any, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason):
        image_of(request_)


def test_the_image_of_a_request() -> None:
    request: Any = {"content_type": "image/jpeg", "image_data": "QUJD", "original": {}}
    assert image_of(request) == (b"ABC", "image/jpeg")
