"""What the functions ask of AWS fits AWS's service models; what they ask of moto is checked by the conftest."""

import base64
from typing import Any

import pytest

from classify.request import image_of
from classify.sagemaker import invoke
from classify.settings import Settings
from serialize.storage import read_object
from tests.fakes.aws_clients import FakeBody
from tests.fakes.aws_model import ModelledClient

KEYS = ["a.jpg", "incoming/" + "k" * 1015, "a b+ü%25.png", "\N{BICYCLE}/x", "/leading", "a//b", ".."]


@pytest.mark.parametrize("content_type", ["image/png", "image/jpeg"])
@pytest.mark.parametrize("name", ["a", "scones-image-classifier", "A-9" * 21])
@pytest.mark.parametrize("image", [b"x", bytes(250_000)], ids=len)
def test_classify_asks_the_endpoint(content_type: str, name: str, image: bytes) -> None:
    runtime: Any = ModelledClient(
        "sagemaker-runtime", lambda _operation, _arguments: {"Body": FakeBody(b"[1, 0]")}
    )
    request: Any = {"content_type": content_type, "image_data": base64.b64encode(image).decode()}
    settings = Settings.from_environment({"ENDPOINT_NAME": name, "LABELS": "a,b"})
    data, kind = image_of(request)
    invoke(runtime, settings.endpoint_name, data, kind)
    ((operation, arguments),) = runtime.requests
    assert (operation, arguments["Body"], arguments["EndpointName"]) == ("InvokeEndpoint", image, name)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("version_id", [None, "null", "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY"])
@pytest.mark.parametrize(
    "etag", [None, "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e-2"]
)
def test_serialize_reads_the_object(key: str, version_id: str | None, etag: str | None) -> None:
    answer = {"Body": FakeBody(b"data"), "ETag": f'"{etag or "e"}"', "ContentLength": 4}
    s3: Any = ModelledClient("s3", lambda _operation, _arguments: answer)
    request: Any = {"bucket": "images", "key": key, "version_id": version_id, "etag": etag, "size": 4}
    assert read_object(s3, request, 100) == b"data"
    assert all(operation == "GetObject" and arguments["Key"] == key for operation, arguments in s3.requests)
