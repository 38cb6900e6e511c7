"""boto3's own client against the running server: what the Classify function sees on a laptop."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from endpoint.app import MAX_BODY_BYTES, create_app
from tests.fakes.running_endpoint import running_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from endpoint.predictor import Predictor


@pytest.fixture(scope="module")
def runtime(predictor: Predictor) -> Iterator[Any]:
    with running_endpoint(create_app(predictor, "vehicles")) as client:
        yield client


def test_the_client_reads_probabilities_and_variant(runtime: Any, predictor: Predictor, png: bytes) -> None:
    answer = runtime.invoke_endpoint(EndpointName="vehicles", ContentType="image/png", Body=png)
    assert json.loads(answer["Body"].read()) == predictor.predict(png)
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == f"model_version={predictor.version};model_labels=bicycle,motorcycle"


@pytest.mark.parametrize("size", [100, MAX_BODY_BYTES])
def test_an_unknown_endpoint_is_a_validation_error(runtime: Any, size: int) -> None:
    with pytest.raises(ClientError) as caught:
        runtime.invoke_endpoint(EndpointName="trucks", ContentType="image/png", Body=bytes(size))
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["Error"]["Message"] == "Endpoint trucks not found."
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("image/png", b"no image", 400),
        ("text/csv", b"1,2", 415),
        ("text/csv", bytes(MAX_BODY_BYTES), 415),
        ("image/png", bytes(MAX_BODY_BYTES + 1), 413),
    ],
)
def test_what_the_container_refuses_is_a_model_error(
    runtime: Any, content_type: str, body: bytes, status: int
) -> None:
    with pytest.raises(runtime.exceptions.ModelError) as caught:
        runtime.invoke_endpoint(EndpointName="vehicles", ContentType=content_type, Body=body)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "ModelError"
    assert answer["Error"]["Message"].startswith(f"Received client error ({status}) from primary")
    assert answer["OriginalStatusCode"] == status
    assert answer["OriginalMessage"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 424
