"""With RequireCertificate an image passes only where a certificate covers it, and the reason says why it does not."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
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
SURE = {
    "inferences": [0.95, 0.05],
    "model_version": "91bc",
    "image_key": "incoming/a.jpg",
    "etag": "0123456789abcdef",
}
CONFIG = {"name": "config-1", "time": "2026-11-01T00:00:00Z"}


@pytest.fixture
def ssm() -> Iterator[ParameterServer]:
    with parameter_server("0.9") as server:
        yield server


@pytest.fixture
def filtered(load_app: Callable[..., Any], ssm: ParameterServer) -> Callable[..., dict[str, Any]]:
    """Filter an image with this live value, in a stack that requires a certificate."""

    def run(value: str, event: dict[str, Any] = SURE, **environment: str) -> dict[str, Any]:
        ssm.value = value
        settings = {
            "REQUIRE_CERTIFICATE": "true",
            "SERIALIZE_DIGEST": "s1-32",
            "AUDIT_SHARE": "0.02",
            "AUDIT_SECRET": "audit",
            "CERTIFICATE_CHECK": "check",
            "SWEEP_EVERY_MINUTES": "15",
        } | environment
        function = load_app("filter", THRESHOLD_PARAMETER="live", AWS_ENDPOINT_URL_SSM=ssm.url, **settings)
        function.lottery._secret = "not drawn: its fraction is above the share"
        return dict(function.handler(event, FakeLambdaContext()))

    return run


def value(**changes: Any) -> str:
    return json.dumps({"thresholds": {"default": 0.9}, "certificate": {**CERTIFICATE, **changes}})


def checked(ago: timedelta, **changes: str) -> str:
    """Return what the sweep writes when it has seen the configuration."""
    return json.dumps({"endpoint_config": CONFIG | changes, "at": (datetime.now(UTC) - ago).isoformat()})


def test_a_certified_image_passes(filtered: Callable[..., dict[str, Any]]) -> None:
    assert filtered(value()) == {"passed": True, "label": "bicycle", "confidence": 0.95, "threshold": 0.9}


def test_a_label_that_is_covered_passes(filtered: Callable[..., dict[str, Any]]) -> None:
    assert filtered(value(covers=["bicycle"]))["passed"]


def test_an_endpoint_that_reports_no_version_is_certified_by_its_configuration(
    filtered: Callable[..., dict[str, Any]], ssm: ParameterServer
) -> None:
    ssm.others["check"] = checked(timedelta(0))
    certified_config = value(model_version=None, endpoint_config=CONFIG)
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
    found = filtered(value(), {"inferences": [0.95, 0.05], "model_version": "91bc"})  # it names no image
    assert found["passed"] is False
    assert found["reason"] == (
        "no certificate covers an image whose draw was missed: the request does not name the image"
    )
    assert found["draw_missed"] == "the request does not name the image"


@pytest.mark.parametrize(
    ("environment", "why"),
    [({"AUDIT_SHARE": "0"}, "AuditShare is 0"), ({"AUDIT_SECRET": ""}, "the draw has no secret")],
)
def test_without_an_audit_that_could_refute_the_certificate_nothing_passes(
    filtered: Callable[..., dict[str, Any]], environment: dict[str, str], why: str
) -> None:
    found = filtered(value(), **environment)
    assert (found["passed"], found["reason"]) == (
        False,
        f"no certificate holds without an audit that could refute it: {why}",
    )
    assert filtered(value(), REQUIRE_CERTIFICATE="false", **environment)["passed"]


NEVER = "the sweep has not confirmed endpoint configuration config-1"
OLD = r"the sweep has not confirmed endpoint configuration config-1 since 20.*, and it counts for 50 minutes"


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("never", NEVER),
        ("[]", NEVER),
        ('{"endpoint_config": {}, "at": "2026-11-01T00:00:00Z"}', NEVER),
        ({"name": "config-2"}, NEVER),
        ({"time": "2026-11-02T00:00:00Z"}, NEVER),
        (timedelta(minutes=49), None),
        (timedelta(minutes=51), OLD),
        (-timedelta(minutes=51), OLD),
    ],
)
def test_a_configuration_that_the_sweep_has_not_seen_lately_is_not_certified(
    filtered: Callable[..., dict[str, Any]],
    ssm: ParameterServer,
    check: str | dict[str, str] | timedelta,
    reason: str | None,
) -> None:
    match check:
        case str():
            ssm.others["check"] = check
        case dict():
            ssm.others["check"] = checked(timedelta(0), **check)
        case timedelta():
            ssm.others["check"] = checked(check)
    found = filtered(value(model_version=None, endpoint_config=CONFIG), {**SURE, "model_version": None})
    assert found["passed"] is (reason is None)
    if reason is not None:
        assert re.fullmatch(reason, found["reason"])


def test_a_new_certificate_counts_as_a_check_until_the_sweep_runs(
    filtered: Callable[..., dict[str, Any]], ssm: ParameterServer
) -> None:
    ssm.others["check"] = checked(timedelta(days=9))
    for minutes, passes in ((1, True), (51, False)):
        since = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
        live = value(model_version=None, endpoint_config=CONFIG, since=since)
        assert filtered(live, {**SURE, "model_version": None})["passed"] is passes
    seldom = filtered(live, {**SURE, "model_version": None}, SWEEP_EVERY_MINUTES="60")
    assert seldom["passed"], "the sweep runs every hour"


def test_a_check_that_cannot_be_read_is_none(
    filtered: Callable[..., dict[str, Any]], ssm: ParameterServer
) -> None:
    live = value(model_version=None, endpoint_config=CONFIG)
    ssm.answers.append((200, json.dumps({"Parameter": {"Value": live}}).encode()))
    ssm.refuse("AccessDeniedException")
    found = filtered(live, {**SURE, "model_version": None})
    assert not found["passed"]
    assert (
        found["reason"]
        == "no certificate could be read: parameter check: AccessDeniedException: not this time"
    )


def test_the_check_is_read_only_where_it_is_needed(
    filtered: Callable[..., dict[str, Any]], ssm: ParameterServer
) -> None:
    filtered(value())
    filtered(value(model_version=None, endpoint_config=CONFIG), REQUIRE_CERTIFICATE="false")
    assert ssm.asked == ["live", "live"]


def test_nothing_passes_while_the_watch_has_stopped_it(filtered: Callable[..., dict[str, Any]]) -> None:
    live = json.dumps({"thresholds": {"default": 0.8}, "stopped": "The watch stopped passing."})
    found = filtered(live, {**SURE, "inferences": [1.0, 0.0]}, REQUIRE_CERTIFICATE="false")
    assert (found["passed"], found["reason"]) == (False, "The watch stopped passing.")


def test_an_image_below_the_threshold_keeps_its_own_reason() -> None:
    verdict: Any = {"passed": False, "label": "bicycle", "confidence": 0.5, "threshold": 0.9}
    assert refused(verdict, "the certificate ended") == verdict
