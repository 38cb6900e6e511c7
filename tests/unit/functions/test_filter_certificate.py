"""With RequireCertificate an image passes only where a certificate covers it, and the reason says why it does not."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from filter.verdict import refused
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.parameter_server import ParameterServer, parameter_server

CERTIFICATE: Mapping[str, Any] = {
    "model_version": "91bc",
    "labels": ["bicycle", "motorcycle"],
    "serialize": "s1-32",
    "until": "2999-12-24T00:00:00Z",
}
SURE = {"inferences": [0.95, 0.05], "model_version": "91bc"}


@pytest.fixture
def ssm() -> Iterator[ParameterServer]:
    with parameter_server("0.9") as server:
        yield server


@pytest.fixture
def filtered(load_app: Callable[..., Any], ssm: ParameterServer) -> Callable[..., dict[str, Any]]:
    """Filter an image with this live value, in a stack that requires a certificate."""

    def run(value: str, event: dict[str, Any] = SURE, **environment: str) -> dict[str, Any]:
        ssm.value = value
        settings = {"REQUIRE_CERTIFICATE": "true", "SERIALIZE_DIGEST": "s1-32"} | environment
        function = load_app("filter", THRESHOLD_PARAMETER="live", AWS_ENDPOINT_URL_SSM=ssm.url, **settings)
        return dict(function.handler(event, FakeLambdaContext()))

    return run


def value(**changes: Any) -> str:
    return json.dumps({"thresholds": {"default": 0.9}, "certificate": {**CERTIFICATE, **changes}})


def test_a_certified_image_passes(filtered: Callable[..., dict[str, Any]]) -> None:
    assert filtered(value()) == {"passed": True, "label": "bicycle", "confidence": 0.95, "threshold": 0.9}


def test_a_label_that_is_covered_passes(filtered: Callable[..., dict[str, Any]]) -> None:
    assert filtered(value(covers=["bicycle"]))["passed"]


def test_an_endpoint_that_reports_no_version_is_certified_by_its_configuration(
    filtered: Callable[..., dict[str, Any]],
) -> None:
    config = {"name": "config-1", "time": "2026-11-01T00:00:00Z"}
    certified_config = value(model_version=None, endpoint_config=config)
    assert filtered(certified_config, {**SURE, "model_version": None})["passed"]
    assert filtered(certified_config)["reason"] == (
        "no certificate covers model 91bc: certified is endpoint configuration config-1 until 2999-12-24"
    )


@pytest.mark.parametrize(
    ("live", "version", "reason"),
    [
        ("0.9", "91bc", "no certificate covers model 91bc: the live threshold has none"),
        (value(), "3f2a", "no certificate covers model 3f2a: certified is 91bc until 2999-12-24"),
        (
            value(),
            None,
            "no certificate covers a model that reports no version: certified is 91bc until 2999-12-24",
        ),
        (
            value(until="2026-01-02T03:04:05+00:00"),
            "91bc",
            "the certificate ended at 2026-01-02T03:04:05+00:00",
        ),
        (
            value(withdrawn="the endpoint changed"),
            "91bc",
            "the certificate was withdrawn: the endpoint changed",
        ),
        (
            value(labels=["motorcycle", "bicycle"]),
            "91bc",
            "the certificate is for the labels motorcycle,bicycle",
        ),
        (value(covers=["motorcycle"]), "91bc", "the certificate does not cover the label bicycle"),
        (
            value(covers="bicycle"),
            "91bc",
            "no certificate could be read: parameter live: has a certificate whose covers is not a list of labels",
        ),
        (value(serialize="s0-32"), "91bc", "the certificate is for images of Serialize s0-32, not s1-32"),
        (
            "{",
            "91bc",
            "no certificate could be read: parameter live: is not JSON, although it starts with {",
        ),
    ],
)
def test_any_other_image_goes_to_review_with_the_reason(
    filtered: Callable[..., dict[str, Any]], live: str, version: str | None, reason: str
) -> None:
    event = {**SURE, "model_version": version}
    found = filtered(live, event)
    assert (found["passed"], found["label"], found["reason"]) == (False, "bicycle", reason)
    assert filtered(live, event, REQUIRE_CERTIFICATE="false")["passed"], "only where it is required"


def test_an_image_whose_draw_was_missed_goes_to_review(filtered: Callable[..., dict[str, Any]]) -> None:
    found = filtered(value(), AUDIT_SHARE="0.5", AUDIT_SECRET="audit")  # the request names no image
    assert found["passed"] is False
    assert found["reason"] == (
        "no certificate covers an image whose draw was missed: the request does not name the image"
    )
    assert found["draw_missed"] == "the request does not name the image"


def test_nothing_passes_while_the_watch_has_stopped_it(filtered: Callable[..., dict[str, Any]]) -> None:
    live = json.dumps({"thresholds": {"default": 0.8}, "stopped": "The watch stopped passing."})
    found = filtered(live, {**SURE, "inferences": [1.0, 0.0]}, REQUIRE_CERTIFICATE="false")
    assert (found["passed"], found["reason"]) == (False, "The watch stopped passing.")


def test_an_image_below_the_threshold_keeps_its_own_reason() -> None:
    verdict: Any = {"passed": False, "label": "bicycle", "confidence": 0.5, "threshold": 0.9}
    assert refused(verdict, "the certificate ended") == verdict
