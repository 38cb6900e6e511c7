"""The sweep withdraws a certificate of another configuration of the endpoint, and notifies people once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from filter.certificate import Circumstances, checked, refusal
from filter.live_value import parse_live_value
from sweep.certificate import check_certificate
from sweep.run import SweepFailedError
from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.stubbed_clients import Refusal, stubbed
from tests.unit.functions.environment import SETTINGS
from tests.unit.functions.sweep_stack import Stack, deployed

NAME = SETTINGS["sweep"]["THRESHOLD_PARAMETER"]
CHECK = SETTINGS["sweep"]["CERTIFICATE_CHECK"]
CREATED = datetime(2026, 11, 1, 12, 0, 0, 123000, tzinfo=UTC)
CERTIFICATE: dict[str, Any] = {
    "model_version": None,
    "endpoint_config": {"name": "config-1", "time": "2026-11-01T12:00:00Z"},
    "labels": ["bicycle", "motorcycle"],
    "serialize": "s1-32",
    "until": "2999-01-01T00:00:00Z",
    "error": 0.01,
}
CONFIG = {
    "EndpointConfigName": "config-1",
    "EndpointConfigArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint-config/config-1",
    "ProductionVariants": [{"VariantName": "AllTraffic"}],
}
ENDPOINT = {
    "EndpointName": "scones",
    "EndpointArn": "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/scones",
    "EndpointConfigName": "config-1",
    "EndpointStatus": "InService",
    "CreationTime": CREATED,
    "LastModifiedTime": CREATED,
}


@pytest.fixture
def stack() -> Iterator[Stack]:
    with deployed() as stack:
        yield stack


def live(stack: Stack) -> str:
    return str(stack.client("ssm").get_parameter(Name=NAME)["Parameter"]["Value"])


def put(stack: Stack, **changes: Any) -> str:
    text = json.dumps({"thresholds": {"default": 0.93, "bicycle": 0.9}, "certificate": CERTIFICATE | changes})
    stack.client("ssm").put_parameter(Name=NAME, Value=text, Type="String", Overwrite=True)
    return text


def check(stack: Stack, answer: Any = None, made: datetime = CREATED) -> str | None:
    def sagemaker() -> Any:
        assert answer is not None, "SageMaker was asked"
        return stubbed(
            "sagemaker",
            ("describe_endpoint", answer),
            ("describe_endpoint_config", CONFIG | {"CreationTime": made}),
        )

    return check_certificate(stack.client("ssm"), sagemaker, stack.clients.sns, stack.settings, stack.now)


def confirmed(stack: Stack) -> str | None:
    """Return the last check as the sweep wrote it."""
    found = stack.client("ssm").get_parameters(Names=[CHECK])["Parameters"]
    return found[0]["Value"] if found else None


def test_the_certified_configuration_keeps_the_certificate(stack: Stack) -> None:
    text = put(stack)
    assert check(stack, ENDPOINT) is None
    assert (live(stack), stack.alerts()) == (text, [])
    _, certificate, _ = parse_live_value(text, ("bicycle", "motorcycle"))
    assert certificate
    found = checked(certificate, str(confirmed(stack)))
    assert found.checked_at == stack.now, "Filter reads what the sweep wrote"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"EndpointConfigName": "config-2"}, "endpoint scones has the configuration config-2, not config-1"),
        (
            {"EndpointStatus": "Updating", "PendingDeploymentSummary": {"EndpointConfigName": "config-2"}},
            "endpoint scones has the configuration config-2, not config-1",
        ),
    ],
)
def test_another_one_withdraws_it_and_people_are_notified_once(
    stack: Stack, change: dict[str, Any], reason: str
) -> None:
    put(stack)
    assert check(stack, ENDPOINT | change) == reason
    value = json.loads(live(stack))
    assert value == {
        "thresholds": {"default": 0.93, "bicycle": 0.9},
        "certificate": CERTIFICATE | {"withdrawn": reason},
    }
    assert check(stack) is None, "a withdrawn certificate is not checked again"
    assert confirmed(stack) is None
    (alert,) = stack.alerts()
    assert reason in alert["reason"]


def test_a_configuration_that_was_made_again_under_its_name_withdraws_it(stack: Stack) -> None:
    put(stack)
    found = check(stack, ENDPOINT, CREATED + timedelta(days=1))
    assert found == "configuration config-1 was made again at 2026-11-02T12:00:00Z"


def test_filter_understands_what_the_sweep_wrote(stack: Stack) -> None:
    put(stack)
    check(stack, ENDPOINT | {"EndpointConfigName": "config-2"})
    labels = ("bicycle", "motorcycle")
    thresholds, certificate, _ = parse_live_value(live(stack), labels)
    assert thresholds == {"bicycle": 0.9, "motorcycle": 0.93}
    found = refusal(
        certificate, Circumstances("bicycle", None, labels, "s1-32", datetime.now(UTC), timedelta(hours=1))
    )
    assert (
        found == "the certificate was withdrawn: endpoint scones has the configuration config-2, not config-1"
    )


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_what_cannot_be_checked_is_not_certified(stack: Stack, code: str) -> None:
    put(stack)
    assert (
        check(stack, Refusal(code)) == f"the configuration of endpoint scones could not be described ({code})"
    )
    assert "withdrawn" in json.loads(live(stack))["certificate"]


def test_a_service_that_is_unavailable_for_the_moment_withdraws_nothing(stack: Stack) -> None:
    text = put(stack)
    with pytest.raises(Exception, match="ThrottlingException"):
        check(stack, Refusal("ThrottlingException"))
    assert live(stack) == text
    assert confirmed(stack) is None


def test_a_certificate_that_has_ended_is_not_checked(stack: Stack) -> None:
    put(stack, until=(stack.now - timedelta(seconds=1)).isoformat())
    assert check(stack) is None


def test_a_live_value_that_was_changed_while_sagemaker_was_asked_is_kept(stack: Stack) -> None:
    put(stack)
    ssm = stack.client("ssm")

    def sagemaker() -> Any:
        ssm.put_parameter(Name=NAME, Value="0.99", Type="String", Overwrite=True)
        answer = ENDPOINT | {"EndpointConfigName": "config-2"}
        return stubbed("sagemaker", ("describe_endpoint", answer))

    assert check_certificate(ssm, sagemaker, stack.clients.sns, stack.settings, stack.now) is None
    assert (live(stack), stack.alerts()) == ("0.99", [])


@pytest.mark.parametrize("text", [None, "0.9", "bicycle=0.9,default=0.8", "{", "[]", '{"certificate": 1}'])
def test_without_a_certificate_nothing_is_asked(stack: Stack, text: str | None) -> None:
    if text is not None:
        stack.client("ssm").put_parameter(Name=NAME, Value=text, Type="String")
    assert check(stack) is None


def test_a_certificate_of_a_model_version_is_filters_to_check(stack: Stack) -> None:
    put(stack, model_version="91bc")
    assert check(stack) is None


def test_a_check_that_fails_fails_the_sweep_after_its_images(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise client_error("AccessDeniedException")

    monkeypatch.setattr(stack.app, "check_certificate", refuse)
    stack.put("lost")
    with pytest.raises(SweepFailedError, match=r"the certificate could not be checked: .*AccessDenied"):
        stack.app.handler({"older_than_minutes": 0}, FakeLambdaContext())
    assert stack.stepfunctions.keys == ["lost"]
