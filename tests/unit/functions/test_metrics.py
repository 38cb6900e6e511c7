"""Each function emits exactly these metrics, under exactly these dimensions: alarms and dashboard watch them."""

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import boto3
import pytest
from moto import mock_aws

from classify.errors import InvalidRequestError
from sweep.cycle import Cursor
from sweep.decision import Kind
from sweep.watching import Watched
from tests.fakes.aws_clients import FakeBody, FakeSageMakerRuntime, client_error
from tests.fakes.emitted_metrics import ALL, EMITTED, LABEL, REASON, RELEASE
from tests.fakes.lambda_context import FakeLambdaContext
from tests.fakes.pictures import encoded, quarters
from tests.unit.functions.environment import SETTINGS

type Emitted = dict[tuple[str, ...], dict[str, list[float]]]
Loader = Callable[..., Any]


def emitted(log: str, service: str) -> Emitted:
    """The metrics of one invocation, by their dimensions."""
    found: Emitted = {}
    for line in log.splitlines():
        document = json.loads(line)
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "Scones"
            assert document["service"] == service
            for dimensions in directive["Dimensions"]:
                names = [metric["Name"] for metric in directive["Metrics"]]
                if names != ["ColdStart"]:
                    found.setdefault(tuple(dimensions), {}).update({name: document[name] for name in names})
    return found


def names(found: Emitted) -> dict[tuple[str, ...], set[str]]:
    return {dimensions: set(metrics) for dimensions, metrics in found.items()}


def serialize(
    load_app: Loader, body: bytes, execution: str | None = "an-execution", **environment: str
) -> None:
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="images")
        s3.put_object(Bucket="images", Key="k", Body=body)
        function = load_app("serialize", AWS_DEFAULT_REGION="us-east-1", **environment)
        event = {"bucket": "images", "key": "k", "size": len(body), "execution": execution}
        function.handler(event, FakeLambdaContext())


def test_serialize_measures_an_image(load_app: Loader, capsys: pytest.CaptureFixture[str]) -> None:
    serialize(load_app, encoded(quarters(), "PNG"))
    assert names(emitted(capsys.readouterr().out, "serialize")) == {
        ALL: EMITTED["serialize"][ALL] - {"Rejected"},
        RELEASE: EMITTED["serialize"][RELEASE],
    }


def starts(log: str) -> list[tuple[str, float]]:
    """The releases that images were counted for."""
    documents = [json.loads(line) for line in log.splitlines()]
    return [(one["release"], sum(one["Started"])) for one in documents if "Started" in one]


def test_serialize_counts_an_image_for_the_release(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    serialize(load_app, encoded(quarters(), "PNG"), RELEASE="0123456789ab-7")
    assert starts(capsys.readouterr().out) == [("0123456789ab-7", 1)]


def test_a_look_at_what_the_model_gets_is_no_start(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    serialize(load_app, encoded(quarters(), "PNG"), execution=None)
    assert starts(capsys.readouterr().out) == []


def test_serialize_counts_a_rejected_image_for_the_release_too(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match="PDF"):
        serialize(load_app, b"%PDF-1.7", RELEASE="0123456789ab-7")
    assert starts(capsys.readouterr().out) == [("0123456789ab-7", 1)]


def test_an_attempt_that_the_workflow_repeats_is_no_start(
    load_app: Loader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load_app("serialize", AWS_DEFAULT_REGION="us-east-1", RELEASE="0123456789ab-7")
    client = function.s3
    monkeypatch.setattr(
        client, "get_object", lambda **_: (_ for _ in ()).throw(client_error("SlowDown", 503))
    )
    with pytest.raises(Exception, match="SlowDown") as raised:
        event = {"bucket": "images", "key": "k", "size": 9, "execution": "an-execution"}
        function.handler(event, FakeLambdaContext())
    assert type(raised.value).__name__ == "StorageUnavailableError"
    assert starts(capsys.readouterr().out) == []


def test_serialize_counts_a_rejection_by_its_reason(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exception, match="PDF"):
        serialize(load_app, b"%PDF-1.7")
    log = capsys.readouterr().out
    found = emitted(log, "serialize")
    assert '"reason":"UnsupportedImageError"' in log
    assert found[ALL]["Rejected"] == found[REASON]["Rejected"] == [1]
    assert names(found)[REASON] == EMITTED["serialize"][REASON]


@pytest.mark.parametrize(
    ("runtime", "errors", "throttles"),
    [
        (FakeSageMakerRuntime(FakeBody(b"[0.97, 0.03]")), 0, 0),
        (FakeSageMakerRuntime(FakeBody(b"[0.97]")), 1, 0),
        (FakeSageMakerRuntime(failure=client_error("ThrottlingException")), 0, 1),
        (FakeSageMakerRuntime(failure=client_error("ServiceUnavailable")), 1, 0),
        (FakeSageMakerRuntime(failure=client_error("AccessDeniedException")), 1, 0),
    ],
)
def test_classify_says_of_every_call_whether_it_failed_or_was_throttled(
    load_app: Loader,
    capsys: pytest.CaptureFixture[str],
    runtime: FakeSageMakerRuntime,
    errors: int,
    throttles: int,
) -> None:
    function = load_app("classify", ENDPOINT_NAME="scones")
    function.runtime = runtime
    event = {"image_data": b64encode(b"image").decode(), "content_type": "image/png"}
    if errors + throttles:
        with pytest.raises(Exception, match=r"."):
            function.handler(event, FakeLambdaContext())
    else:
        function.handler(event, FakeLambdaContext())
    found = emitted(capsys.readouterr().out, "classify")
    assert names(found) == EMITTED["classify"]
    assert (found[ALL]["EndpointErrors"], found[ALL]["EndpointThrottles"]) == ([errors], [throttles])


def test_a_request_without_an_image_is_not_the_endpoints_fault(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    function = load_app("classify", ENDPOINT_NAME="scones")
    with pytest.raises(InvalidRequestError):
        function.handler({"content_type": "image/png"}, FakeLambdaContext())
    assert emitted(capsys.readouterr().out, "classify") == {}


@pytest.mark.parametrize(("inferences", "review"), [([0.1, 0.9], 0), ([0.5, 0.5], 1)])
def test_filter_measures_over_all_and_by_label(
    load_app: Loader, capsys: pytest.CaptureFixture[str], inferences: list[float], review: int
) -> None:
    load_app("filter").handler({"inferences": inferences}, FakeLambdaContext())
    found = emitted(capsys.readouterr().out, "filter")
    usual = {dimensions: names - {"ThresholdFallback"} for dimensions, names in EMITTED["filter"].items()}
    assert names(found) == usual
    expected = {"Confidence": [max(inferences)], "Passed": [1 - review], "Review": [review]}
    assert found[ALL] == found[LABEL] == expected


def test_filter_counts_what_it_judged_by_the_deployed_threshold(
    load_app: Loader, capsys: pytest.CaptureFixture[str]
) -> None:
    with mock_aws():  # which has no such parameter
        function = load_app("filter", THRESHOLD_PARAMETER="none")
        function.handler({"inferences": [0.9, 0.1]}, FakeLambdaContext())
    found = emitted(capsys.readouterr().out, "filter")
    assert names(found) == EMITTED["filter"]
    assert found[ALL]["ThresholdFallback"] == [1]


def test_sweep_says_how_old_the_oldest_images_are_and_how_long_its_listing_takes(
    load_app: Loader, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = load_app("sweep")
    monkeypatch.setattr(function, "check_certificate", lambda *_: None)
    monkeypatch.setattr(function, "remind", lambda *_: False)
    monkeypatch.setattr(function, "is_paused", lambda *_: False)
    run = function.Run

    def sweep(self: Any, _request: Any) -> dict[str, Any]:
        self.oldest, self.cursor = self.now - timedelta(minutes=90), Cursor(last_length=timedelta(hours=5))
        self.decisions.oldest_review = self.now - timedelta(hours=30)
        self.watched = Watched(cast("Any", SimpleNamespace(evidence=0.25)), passes=7, wrong=1)
        return {"dry_run": False, "counts": dict.fromkeys(Kind, 0)}

    monkeypatch.setattr(run, "sweep", sweep)
    function.handler({}, FakeLambdaContext())
    found = emitted(capsys.readouterr().out, "sweep")
    assert names(found) == EMITTED["sweep"]
    assert found[ALL]["OldestUnclassifiedMinutes"] == [90]
    assert found[ALL]["ListingCycleMinutes"] == [300]
    assert found[ALL]["OldestReviewHours"] == [30]
    assert [found[ALL][name] for name in ("WatchEvidence", "AuditedPasses", "AuditedWrong")] == [
        [0.25],
        [7],
        [1],
    ]


@pytest.mark.parametrize(("watched", "measured"), [(Watched(), None), (Watched(ended=True), [0])])
def test_evidence_is_measured_while_there_is_a_promise_and_is_nothing_once_it_has_ended(
    load_app: Loader,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    watched: Watched,
    measured: list[float] | None,
) -> None:
    function = load_app("sweep")
    monkeypatch.setattr(function, "check_certificate", lambda *_: None)
    monkeypatch.setattr(function, "remind", lambda *_: False)
    monkeypatch.setattr(function, "is_paused", lambda *_: False)

    def sweep(self: Any, _request: Any) -> dict[str, Any]:
        self.watched = watched
        return {"dry_run": False, "counts": dict.fromkeys(Kind, 0)}

    monkeypatch.setattr(function.Run, "sweep", sweep)
    monkeypatch.setattr(function, "check_certificate", lambda *_: None)
    monkeypatch.setattr(function, "remind", lambda *_: False)
    function.handler({}, FakeLambdaContext())
    assert emitted(capsys.readouterr().out, "sweep")[ALL].get("WatchEvidence") == measured


def test_every_function_is_here() -> None:
    assert EMITTED.keys() | {"breaker"} == SETTINGS.keys(), "Breaker emits none"
