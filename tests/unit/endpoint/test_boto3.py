"""boto3's own client against the running server: what the Classify function sees on a laptop."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError

from endpoint.app import MAX_BODY_BYTES, create_app
from endpoint.server import listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from endpoint.predictor import Predictor

DEADLINE_S = 20


@pytest.fixture(scope="module")
def runtime(predictor: Predictor) -> Iterator[Any]:
    server = uvicorn.Server(
        uvicorn.Config(create_app(predictor, "vehicles"), log_level="warning", lifespan="off")
    )
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        yield boto3.client(
            "sagemaker-runtime",
            endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
            region_name="eu-central-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, proxies={}),
        )
        server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def test_the_client_reads_probabilities_and_variant(runtime: Any, predictor: Predictor, png: bytes) -> None:
    answer = runtime.invoke_endpoint(EndpointName="vehicles", ContentType="image/png", Body=png)
    assert json.loads(answer["Body"].read()) == predictor.predict(png)
    assert answer["ContentType"] == "application/json"
    assert answer["InvokedProductionVariant"] == "AllTraffic"
    assert answer["CustomAttributes"] == f"model_version={predictor.version}"


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
