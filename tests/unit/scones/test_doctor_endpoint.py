"""`scones doctor`: the endpoint, what it answers, and endpoints that nobody uses."""

import io
import struct
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError
from botocore.response import StreamingBody
from PIL import Image

from scones.doctor.endpoint_answer import SLOW_S, check_answer, draw_probe
from scones.doctor.endpoint_state import check_endpoint, check_unused
from scones.doctor.findings import Finding, Level
from tests.fakes.stubbed_clients import DENIED, Refusal, stubbed

NOW = datetime(2026, 11, 26, tzinfo=UTC)
LABELS = ("bicycle", "motorcycle")
SERVERLESS = {"VariantName": "v", "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 10}}
PROVISIONED = {
    "VariantName": "v",
    "CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 10, "ProvisionedConcurrency": 1},
}
INSTANCES = {"VariantName": "v", "CurrentInstanceCount": 2}


def description(status: str = "InService", variant: Any = SERVERLESS, **more: Any) -> dict[str, Any]:
    return {
        "EndpointName": "the-endpoint",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/the-endpoint",
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "ProductionVariants": [variant],
        **more,
    }


def state(answer: Any, name: str = "the-endpoint") -> Finding:
    return check_endpoint(stubbed("sagemaker", ("describe_endpoint", answer)), name)


def test_an_endpoint_in_service_says_what_it_runs_on() -> None:
    assert state(description()).message == "the-endpoint is in service, serverless, 10 requests at once"
    on_instances = state(description(variant=INSTANCES))
    assert on_instances.level is Level.OK
    assert "2 instances that cost money while idle" in on_instances.message


@pytest.mark.parametrize(
    ("status", "level", "step"),
    [
        ("Creating", Level.BROKEN, "aws sagemaker wait endpoint-in-service"),
        ("Updating", Level.WARNING, "aws sagemaker wait endpoint-in-service"),
        ("RollingBack", Level.WARNING, "aws sagemaker wait endpoint-in-service"),
        ("UpdateRollbackFailed", Level.WARNING, "python -m training.deploy"),
        ("Failed", Level.BROKEN, "--delete"),
        ("OutOfService", Level.BROKEN, "--delete"),
    ],
)
def test_another_status_has_its_level_and_its_next_step(status: str, level: Level, step: str) -> None:
    finding = state(description(status))
    assert finding.level is level
    assert step in str(finding.next_step)


def test_a_failed_endpoint_says_why() -> None:
    finding = state(description("Failed", FailureReason="Unable to\nlocate the image"))
    assert finding.message.endswith("(Unable to locate the image)")


def test_an_endpoint_that_is_not_there_is_broken_whatever_code_says_so() -> None:
    finding = state(Refusal("ValidationException", "Could not find endpoint"))
    assert finding.level is Level.BROKEN
    assert finding.message == "there is no endpoint the-endpoint in us-east-1"


def test_capital_letters_are_broken_because_permissions_have_none() -> None:
    finding = check_endpoint(stubbed("sagemaker"), "The-Endpoint")
    assert finding.level is Level.BROKEN
    assert "lower case" in str(finding.next_step)


def unused(variant: Any, requests: list[float]) -> list[Finding]:
    summary = {key: description()[key] for key in ("EndpointName", "EndpointArn", "EndpointStatus")}
    listed = {"Endpoints": [{**summary, "CreationTime": NOW, "LastModifiedTime": NOW}]}
    sagemaker = stubbed(
        "sagemaker", ("list_endpoints", listed), ("describe_endpoint", description(variant=variant))
    )
    points = {"Datapoints": [{"Timestamp": NOW, "Sum": value} for value in requests]}
    return check_unused(sagemaker, stubbed("cloudwatch", ("get_metric_statistics", points)), lambda: NOW)


@pytest.mark.parametrize("variant", [INSTANCES, PROVISIONED])
def test_an_endpoint_that_costs_money_and_is_not_asked_is_a_warning_with_the_command(variant: Any) -> None:
    (finding,) = unused(variant, [])
    assert finding.level is Level.WARNING
    assert "aws sagemaker delete-endpoint --endpoint-name the-endpoint" in str(finding.next_step)


def test_one_request_in_a_week_is_use_and_serverless_costs_nothing() -> None:
    assert [finding.level for finding in unused(INSTANCES, [0, 1])] == [Level.OK]
    assert [finding.level for finding in unused(SERVERLESS, [])] == [Level.OK]


def answer(body: bytes, attributes: str | None = None) -> tuple[str, dict[str, Any]]:
    said = {"CustomAttributes": attributes} if attributes else {}
    return "invoke_endpoint", {"Body": StreamingBody(io.BytesIO(body), len(body)), **said}


def ask(*answers: tuple[str, Any], took_s: float = 0.5) -> Finding:
    times = iter((0.0, took_s))
    client = stubbed("sagemaker-runtime", *answers)
    return check_answer(client, "the-endpoint", LABELS, repair="look at the log", clock=lambda: next(times))


def test_a_proper_answer_is_ok_and_names_the_model() -> None:
    finding = ask(answer(b"[0.25, 0.75]", "model_version=2026-11-20-abc"))
    assert finding.level is Level.OK
    assert finding.message == "2 probabilities for 2 labels in 0.50 s, model version 2026-11-20-abc"
    assert "no model version named" in ask(answer(b"[0.25, 0.75]")).message


def test_a_slow_answer_is_a_warning() -> None:
    assert ask(answer(b"[0.25, 0.75]"), took_s=SLOW_S + 1).level is Level.WARNING


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<html>", "answers neither JSON nor a line of numbers"),
        (b'{"a": 1}', "does not answer a list"),
        (b"[1.0]", "1 values for 2 labels"),
        (b"[NaN, 1.0]", "not a probability"),
        (b"[true, false]", "not a probability"),
        (b"[0.5, 0.6]", "sum is 1.1000"),
    ],
)
def test_an_answer_that_classify_would_not_believe_is_broken(body: bytes, said: str) -> None:
    finding = ask(answer(body))
    assert finding.level is Level.BROKEN
    assert said in finding.message


def test_the_next_step_is_about_labels_only_where_their_number_differs() -> None:
    assert "Labels must name" in str(ask(answer(b"[0.2, 0.3, 0.5]")).next_step)
    assert ask(answer(b"[NaN, NaN]")).next_step == "look at the log"


def test_an_answer_cannot_put_control_characters_on_the_terminal() -> None:
    assert "\x1b" not in ask(answer(b"\x1b[31mred")).message


@pytest.mark.parametrize(
    ("code", "level", "said"),
    [
        ("ThrottlingException", Level.WARNING, "is throttling"),
        ("ValidationError", Level.BROKEN, "does not accept requests: Endpoint the-endpoint not found"),
        ("ModelError", Level.BROKEN, "answered ModelError"),
        ("ServiceUnavailable", Level.BROKEN, "answered ServiceUnavailable"),
    ],
)
def test_a_refusal_is_told_by_its_code(code: str, level: Level, said: str) -> None:
    finding = ask(("invoke_endpoint", Refusal(code, "Endpoint the-endpoint not found")))
    assert finding.level is level
    assert said in finding.message


def test_a_missing_permission_is_left_to_the_caller() -> None:
    with pytest.raises(Exception, match="AccessDenied"):
        ask(("invoke_endpoint", DENIED))


@pytest.mark.parametrize(
    "error",
    [
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1:1"),
    ],
)
def test_an_endpoint_that_cannot_be_reached_is_broken(error: Exception) -> None:
    class Unreachable:
        def invoke_endpoint(self, **_arguments: object) -> None:
            raise error

    client: Any = Unreachable()
    finding = check_answer(client, "the-endpoint", LABELS, repair="look at the log")
    assert finding.level is Level.BROKEN
    assert finding.next_step == "look at the log"


def test_an_answer_that_is_cut_off_is_broken() -> None:
    body = {"Body": StreamingBody(io.BytesIO(b"[0.5,"), 10)}
    finding = ask(("invoke_endpoint", body))
    assert finding.level is Level.BROKEN
    assert "no complete answer within" in finding.message


def test_the_drawn_image_is_a_png_that_an_image_library_reads() -> None:
    image = Image.open(io.BytesIO(draw_probe()))
    image.load()
    assert (image.format, image.mode, image.size) == ("PNG", "RGB", (32, 32))
    assert len(set(image.tobytes())) > 10
    assert struct.unpack(">I", draw_probe()[-4:])[0] == zlib.crc32(b"IEND")
