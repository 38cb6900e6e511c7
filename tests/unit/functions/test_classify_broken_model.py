"""Classify and the project's own endpoint agree which answers a retry cannot help."""

from typing import Any

import pytest

from classify import errors
from classify.errors import InvalidPredictionError
from classify.sagemaker import invoke
from endpoint.app import create_app
from endpoint.errors import InvalidAnswerError, UnreadableImageError
from endpoint.predictor import SHIPPED_MODEL, Predictor
from tests.fakes.running_endpoint import running_endpoint


class Failing:
    """A predictor that fails with one error."""

    version = "v"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def predict(self, data: bytes) -> list[float]:
        raise self.error


@pytest.mark.parametrize(
    ("predictor", "content_type", "name"),
    [
        (Failing(InvalidAnswerError("the model returned nan, nan")), "image/png", "InvalidPredictionError"),
        (Failing(UnreadableImageError("not an image")), "image/png", "InvalidPredictionError"),
        (Failing(RuntimeError("a surprise")), "image/png", "EndpointUnavailableError"),
        (None, "image/png", "EndpointUnavailableError"),
        (Failing(AssertionError("never asked")), "text/csv", "InvalidPredictionError"),
    ],
)
def test_what_the_container_answers_is_permanent_or_retryable(
    predictor: Any, content_type: str, name: str
) -> None:
    with running_endpoint(create_app(predictor)) as runtime, pytest.raises(getattr(errors, name)):
        invoke(runtime, "scones", b"image", content_type)


def test_a_network_of_nans_fails_the_image_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(SHIPPED_MODEL)
    healthy = predictor.probabilities
    monkeypatch.setattr(predictor, "probabilities", lambda images: healthy(images) * float("nan"))
    image = (SHIPPED_MODEL.parents[2] / "events" / "images" / "bicycle.jpg").read_bytes()
    with (
        running_endpoint(create_app(predictor)) as runtime,
        pytest.raises(InvalidPredictionError, match=r"answered 501: the model returned nan, nan"),
    ):
        invoke(runtime, "scones", image, "image/jpeg")
