"""The three handlers as Lambda calls them: environment, JSON log, metrics, typed errors."""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto import mock_aws

from classify.errors import EndpointThrottledError
from tests.fakes.aws_clients import FakeBody, FakeSageMakerRuntime, client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.pictures import encoded, quarters
from tests.unit.functions.environment import SETTINGS, load

EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:classify:1"
IDS = {"execution": EXECUTION, "s3_request_id": "C3D13FE58DE4C810"}
STATED = "model_version=c0ffee;model_labels=bicycle,motorcycle"
IMAGE = encoded(quarters(), "PNG")
Loader = Callable[..., Any]


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The log records, and all metrics by name."""
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    metrics = {key: value for one in documents if "_aws" in one for key, value in one.items()}
    return [one for one in documents if "_aws" not in one], metrics


def test_serialize_reads_shrinks_and_reports(load_app: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="images")
        etag = s3.put_object(Bucket="images", Key="incoming/a+b c%25.png", Body=IMAGE)["ETag"]
        function = load_app("serialize", AWS_DEFAULT_REGION="us-east-1")
        event = {"bucket": "images", "key": "incoming/a+b c%25.png", "etag": etag, "size": len(IMAGE)} | IDS
        result = function.handler(event, FakeLambdaContext())

    assert result["original"] == {"format": "PNG", "width": 160, "height": 120}
    assert (result["width"], result["height"]) == (84, 64)
    output = capsys.readouterr().out
    assert result["image_data"] not in output
    records = [json.loads(line) for line in output.splitlines()]
    log = next(record for record in records if record.get("message") == "serialized")
    assert log["correlation_id"] == EXECUTION
    assert log["s3_request_id"] == "C3D13FE58DE4C810"
    assert any(record.get("ObjectBytes") == [float(len(IMAGE))] for record in records)


def test_serialize_raises_the_error_the_workflow_matches(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="images")
        s3.put_object(Bucket="images", Key="k", Body=b"%PDF-1.7")
        function = load_app("serialize", AWS_DEFAULT_REGION="us-east-1")
        with pytest.raises(Exception, match="a PDF document") as found:
            function.handler({"bucket": "images", "key": "k", "size": 8}, FakeLambdaContext())
    assert type(found.value).__name__ == "UnsupportedImageError"
    assert lines(capsys)[1]["ObjectBytes"] == [8.0]


@pytest.mark.parametrize("stated", ["cat,dog", "motorcycle,bicycle"])
def test_classify_believes_no_model_of_other_labels(load_app: Loader, stated: str) -> None:
    """Three labels would be seen by their number; two others would file bicycles as cats."""
    function = load_app("classify", ENDPOINT_NAME="scones")
    attributes = f"model_version=1;model_labels={stated}"
    function.runtime = FakeSageMakerRuntime(FakeBody(b"[0.97, 0.03]"), attributes=attributes)
    event = {"image_data": b64encode(IMAGE).decode(), "content_type": "image/png"} | IDS
    with pytest.raises(Exception, match=f"labels {stated}, the stack has bicycle,motorcycle") as found:
        function.handler(event, FakeLambdaContext())
    assert type(found.value).__name__ == "InvalidPredictionError"


def test_classify_answers_and_reports(load_app: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    function = load_app("classify", ENDPOINT_NAME="scones")
    function.runtime = FakeSageMakerRuntime(FakeBody(b"[0.97, 0.03]"), attributes=STATED)
    image_data = b64encode(IMAGE).decode()
    event = {"image_data": image_data, "content_type": "image/png", "original": {"format": "PNG"}} | IDS

    result = function.handler(event, FakeLambdaContext())

    assert result == {
        "inferences": [0.97, 0.03],
        "endpoint": {"name": "scones", "variant": "AllTraffic", "model_version": "c0ffee"},
    }
    assert function.runtime.calls[0]["Body"] == IMAGE
    output = capsys.readouterr().out
    assert image_data[:60] not in output
    assert EXECUTION in output
    assert "EndpointLatency" in output


def test_classify_measures_failures_too(load_app: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    function = load_app("classify", ENDPOINT_NAME="scones")
    function.runtime = FakeSageMakerRuntime(failure=client_error("ThrottlingException"))
    with pytest.raises(EndpointThrottledError):
        function.handler({"image_data": "QUJD", "content_type": "image/png"}, FakeLambdaContext())
    assert lines(capsys)[1]["EndpointLatency"]


def test_classify_never_logs_its_event(load_app: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    function = load_app("classify", ENDPOINT_NAME="scones", POWERTOOLS_LOGGER_LOG_EVENT="true")
    function.runtime = FakeSageMakerRuntime()
    function.handler({"image_data": "QUJDQUJDQUJD", "content_type": "image/png"}, FakeLambdaContext())
    assert "QUJDQUJDQUJD" not in capsys.readouterr().out


@pytest.mark.parametrize(("inferences", "passed"), [([0.9, 0.1], True), ([0.6, 0.4], False)])
def test_filter_judges_and_counts(
    load_app: Loader, capsys: pytest.CaptureFixture[str], inferences: list[float], passed: bool
) -> None:
    function = load_app("filter", CONFIDENCE_THRESHOLD="0.75")
    result = function.handler({"inferences": inferences} | IDS, FakeLambdaContext())
    assert result["passed"] is passed
    assert result["threshold"] == 0.75
    logs, metrics = lines(capsys)
    assert (metrics["Passed"], metrics["Review"]) == ([float(passed)], [float(not passed)])
    assert logs[-1]["correlation_id"] == EXECUTION


def test_one_invocations_ids_do_not_reach_the_next(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    function = load_app("filter")
    function.handler({"inferences": [0.9, 0.1]} | IDS, FakeLambdaContext())
    function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    second = lines(capsys)[0][-1]
    assert EXECUTION not in second.values()
    assert "C3D13FE58DE4C810" not in second.values()


@pytest.mark.parametrize("name", ["serialize", "classify", "filter"])
def test_names_of_service_and_namespace_come_from_the_template(load_app: Loader, name: str) -> None:
    needed = {"ENDPOINT_NAME": "scones"}
    assert load_app(name, **needed).metrics.namespace == "Scones"
    named = {"POWERTOOLS_METRICS_NAMESPACE": "Mine", "POWERTOOLS_SERVICE_NAME": "triage"}
    loaded = load_app(name, **needed, **named)
    assert (loaded.metrics.namespace, loaded.logger.service) == ("Mine", "triage")


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_variable_fails_at_init_with_its_name(name: str) -> None:
    for variable in SETTINGS[name]:
        others = {other: value for other, value in SETTINGS[name].items() if other != variable}
        with pytest.raises(ValueError, match=variable):
            load(name, others)
