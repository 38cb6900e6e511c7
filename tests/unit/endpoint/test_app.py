"""The web application, without a socket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest

from endpoint.app import MAX_BODY_BYTES, create_app
from endpoint.errors import InvalidAnswerError

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from endpoint.predictor import Predictor

PNG = {"content-type": "image/png"}


class Client:
    """Sends a request to the application itself, without a socket."""

    def __init__(self, app: Starlette) -> None:
        self.transport = httpx.ASGITransport(app)

    def get(self, path: str) -> httpx.Response:
        """Send a GET."""
        return asyncio.run(self._send("GET", path))

    def post(self, path: str, content: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a POST."""
        return asyncio.run(self._send("POST", path, content, headers))

    async def _send(
        self, method: str, path: str, content: bytes = b"", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        async with httpx.AsyncClient(transport=self.transport, base_url="http://endpoint") as client:
            return await client.request(method, path, content=content, headers=headers)


@pytest.fixture
def client(predictor: Predictor) -> Client:
    return Client(create_app(predictor, "vehicles"))


def test_ping_is_ready_once_the_model_is_loaded(predictor: Predictor, png: bytes) -> None:
    app = create_app(None)
    client = Client(app)
    assert client.get("/ping").status_code == 503
    assert client.post("/invocations", content=png, headers=PNG).status_code == 503
    app.state.predictor = predictor
    assert client.get("/ping").status_code == 200


@pytest.mark.parametrize(
    "content_type", ["image/png", "image/jpeg", "application/x-image", "IMAGE/PNG; charset=binary"]
)
def test_an_image_is_answered_with_the_probabilities(
    client: Client, predictor: Predictor, png: bytes, content_type: str
) -> None:
    answer = client.post("/invocations", content=png, headers={"content-type": content_type})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == predictor.predict(png)


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/csv"}, {"content-type": "image/heic"}])
def test_another_content_type_is_told_what_is_accepted(
    client: Client, png: bytes, headers: dict[str, str]
) -> None:
    answer = client.post("/invocations", content=png, headers=headers)
    assert answer.status_code == 415
    assert "image/jpeg, image/png, application/x-image" in answer.text


@pytest.mark.parametrize("data", [b"", b"nonsense"])
def test_bytes_that_are_no_image_are_refused_with_a_reason(client: Client, data: bytes) -> None:
    answer = client.post("/invocations", content=data, headers=PNG)
    assert answer.status_code == 400
    assert answer.text.startswith("not an image in a known format")
    assert "\n" not in answer.text


def test_a_body_over_six_megabytes_is_refused(client: Client) -> None:
    answer = client.post("/invocations", content=bytes(MAX_BODY_BYTES + 1), headers=PNG)
    assert answer.status_code == 413
    assert str(MAX_BODY_BYTES) in answer.text
    assert client.post("/invocations", content=bytes(MAX_BODY_BYTES), headers=PNG).status_code == 400


def test_a_failing_model_is_a_server_error_that_is_logged(
    png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def predict(self, data: bytes) -> list[float]:
            raise RuntimeError(f"no memory for {len(data)} bytes")

    client = Client(create_app(Broken()))  # type: ignore[arg-type]
    answer = client.post("/invocations", content=png, headers=PNG)
    assert (answer.status_code, answer.text) == (500, "prediction failed")
    assert "no memory" in caplog.text
    answer = client.post("/endpoints/any/invocations", content=png, headers=PNG)
    assert answer.json()["OriginalStatusCode"] == 500
    assert answer.json()["Message"].startswith("Received server error (500)")


def test_a_model_whose_answer_is_not_probabilities_is_a_permanent_server_error(
    png: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def predict(self, data: bytes) -> list[float]:
            raise InvalidAnswerError("the model returned nan, nan, which are not probabilities")

    client = Client(create_app(Broken()))  # type: ignore[arg-type]
    answer = client.post("/invocations", content=png, headers=PNG)
    assert (answer.status_code, answer.text) == (
        501,
        "the model returned nan, nan, which are not probabilities",
    )
    assert answer.text in caplog.text
    answer = client.post("/endpoints/any/invocations", content=png, headers=PNG)
    assert (answer.status_code, answer.json()["OriginalStatusCode"]) == (424, 501)


def test_sagemakers_path_adds_the_variant(client: Client, png: bytes) -> None:
    answer = client.post("/endpoints/vehicles/invocations", content=png, headers=PNG)
    assert answer.json() == client.post("/invocations", content=png, headers=PNG).json()
    assert answer.headers["x-amzn-invoked-production-variant"] == "AllTraffic"


def test_another_method_or_path_is_refused(client: Client) -> None:
    assert client.get("/invocations").status_code == 405
    assert client.post("/", content=b"").status_code == 404


def test_an_answer_states_the_models_version_and_labels(
    predictor: Predictor, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = Client(create_app(predictor)), "/endpoints/any/invocations"

    def stated() -> str:
        return client.post(path, png, PNG).headers["x-amzn-sagemaker-custom-attributes"]

    assert stated() == f"model_version={predictor.version};model_labels=bicycle,motorcycle"
    monkeypatch.setattr(predictor, "labels", ("café au lait", "a;b,c"))
    assert stated().endswith(";model_labels=caf%C3%A9%20au%20lait,a%3Bb%2Cc")
    # SageMaker takes 1,024 characters.
    monkeypatch.setattr(predictor, "labels", tuple(f"{'x' * 60}{number}" for number in range(20)))
    assert stated() == f"model_version={predictor.version}"
