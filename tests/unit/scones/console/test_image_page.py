"""The Image page: what it shows, what it must not show before a decision, and running an image again."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.connection import Connection
from scones.console.denials import refused_action
from scones.console.state_data import read_execution_data, without_image
from scones.result_documents import result_key
from tests.fakes.aws_clients import RefusedPages, client_error
from tests.fakes.execution_history import definition
from tests.fakes.review_stack import Recorder
from tests.unit.scones.console.served import Browser
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS, FakeCloudFormation

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EXECUTION = f"arn:aws:states:{REGION}:123456789012:execution:triage:one"
START = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
IMAGE_DATA = "QUJD" * 400
LABEL, CONFIDENCE, OTHER = "bicycle", 0.9125, 0.0875
DECISION = {
    "id": "ab" * 16,
    "label": "motorcycle",
    "by": "arn:aws:sts::1:assumed-role/r/ann",
    "at": "2026-11-27T09:00:00.000Z",
}


class FakeStates:
    """Step Functions with one execution that ran four states, and what it was asked to start."""

    def __init__(self, status: str = "SUCCEEDED", failure: Exception | None = None) -> None:
        self.status, self.failure = status, failure
        self.started: list[dict[str, Any]] = []

    def describe_execution(self, **_named: str) -> dict[str, Any]:
        self._fail()
        return {"status": self.status}

    def describe_state_machine_for_execution(self, **_named: str) -> dict[str, Any]:
        return {"definition": definition()}

    def start_execution(self, **named: str) -> dict[str, Any]:
        self.started.append(named)
        return {"executionArn": f"{EXECUTION}-again"}

    def get_paginator(self, name: str) -> Any:
        assert name == "get_execution_history"
        return SimpleNamespace(paginate=lambda **_named: [{"events": list(self._events())}])

    def _fail(self) -> None:
        if self.failure:
            raise self.failure

    def _events(self) -> Iterator[dict[str, Any]]:
        serialized = json.dumps({"image_data": IMAGE_DATA, "content_type": "image/png"})
        inferences = json.dumps({"inferences": [CONFIDENCE, OTHER]})
        states = [
            ("Claim image", "{}", "{}"),
            ("Serialize image", "{}", serialized),
            ("Classify", serialized, inferences),
        ]
        for number, (name, given, returned) in enumerate(states):
            at = START + timedelta(seconds=number)
            yield {
                "type": "TaskStateEntered",
                "timestamp": at,
                "stateEnteredEventDetails": {"name": name, "input": given},
            }
            yield {
                "type": "TaskFailed",
                "timestamp": at,
                "taskFailedEventDetails": {
                    "error": "EndpointThrottledError",
                    "cause": json.dumps({"errorMessage": "try later"}),
                },
            }
            answer = json.dumps({"Payload": json.loads(returned)})
            yield {"type": "TaskSucceeded", "timestamp": at, "taskSucceededEventDetails": {"output": answer}}
            yield {
                "type": "TaskStateExited",
                "timestamp": at + timedelta(milliseconds=240),
                "stateExitedEventDetails": {"name": name, "output": returned},
            }


class Pipeline:
    """Images with claims and documents, as the workflow leaves them."""

    def __init__(self, s3: "S3Client") -> None:
        self.s3, self.dynamodb = s3, boto3.client("dynamodb", region_name=REGION)

    def add(
        self,
        name: str,
        outcome: str | None = "passed",
        *,
        body: bytes = b"bytes",
        label: str | None = LABEL,
        **more: Any,
    ) -> dict[str, str]:
        """Add an image; return the query that names it."""
        key, etag = f"incoming/{name}", hashlib.md5(body, usedforsecurity=False).hexdigest()
        self.s3.put_object(Bucket=IMAGES, Key=key, Body=body)
        item = {
            "image_key": key,
            "etag": etag,
            "execution": EXECUTION,
            "claimed_at": "2026-11-26T14:00:00Z",
            "sequencer": "77",
        }
        if outcome:
            item |= {"finished_at": "2026-11-26T14:00:01.000Z", "outcome": outcome}
        if label:
            item |= {"label": label}
        attributes: dict[str, Any] = {one: {"S": value} for one, value in item.items()}
        attributes |= {"size": {"N": str(len(body))}, "confidence": {"N": str(CONFIDENCE)}, **more}
        self.dynamodb.put_item(TableName="claims", Item=attributes)
        if outcome:
            document = {
                "outcome": outcome,
                "reason": f"{label} at {CONFIDENCE}" if label else "the endpoint is gone",
                "image": {"bucket": IMAGES, "key": key, "etag": etag, "size": len(body), "sequencer": "77"},
                "label": label,
                "confidence": CONFIDENCE,
                "threshold": 0.8,
                "inferences": [CONFIDENCE, OTHER] if label else None,
                "labels": ["bicycle", "motorcycle"],
                "endpoint": {"name": "the-endpoint", "variant": "AllTraffic"},
                "error": None,
            }
            self.s3.put_object(
                Bucket=RESULTS, Key=result_key(outcome, label, key, etag), Body=json.dumps(document).encode()
            )
        return {"key": key, "etag": etag}


def decisions(**more: Any) -> dict[str, Any]:
    fields = {name: {"S": value} for name, value in DECISION.items()} | {"took_ms": {"N": "2300"}} | more
    return {"decisions": {"L": [{"M": fields}]}}


MODEL_SAID = {
    "model_said": {
        "M": {"outcome": {"S": "review"}, "label": {"S": LABEL}, "confidence": {"N": str(CONFIDENCE)}}
    }
}


@pytest.fixture
def pipeline(s3: "S3Client") -> Pipeline:
    return Pipeline(s3)


class FakeLogs:
    """CloudWatch with two lines of Filter about the execution, one with the verdict, among one of Lambda's own."""

    def get_paginator(self, name: str) -> Any:
        assert name == "filter_log_events"
        line = {"level": "ERROR", "message": "using the deployed threshold", "why": "<b>gone</b>"}
        verdict = {"level": "INFO", "message": "filtered", "label": LABEL, "confidence": CONFIDENCE}
        events = [
            {"timestamp": number, "message": text}
            for number, text in enumerate(("REPORT", json.dumps(line), json.dumps(verdict)))
        ]
        return SimpleNamespace(paginate=lambda **_named: [{"events": events}])


@pytest.fixture
def log_groups(cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    group = {
        "LogicalResourceId": "FilterLogs",
        "ResourceType": "AWS::Logs::LogGroup",
        "ResourceStatus": "CREATE_COMPLETE",
        "PhysicalResourceId": "/scones/filter",
    }
    pages = SimpleNamespace(paginate=lambda **_named: [{"StackResourceSummaries": [group]}])
    monkeypatch.setattr(cloudformation, "get_paginator", lambda _name: pages, raising=False)


@pytest.fixture
def states() -> FakeStates:
    return FakeStates()


@pytest.fixture
def browser(pipeline: Pipeline, states: FakeStates, log_groups: None) -> Browser:
    return Browser({"stepfunctions": states, "logs": FakeLogs()})


def test_a_passed_image_is_shown_with_its_probabilities_and_its_path(
    browser: Browser, pipeline: Pipeline
) -> None:
    page = browser.get("/image", **pipeline.add("a.png"))
    assert page.status_code == 200
    for said in (
        "bicycle at 0.9125",
        "0.0875",
        "the-endpoint",
        "The path of execution one, succeeded",
        "after 1.00 s",
        "0.24 s",
    ):
        assert said in page.text, said


def test_no_style_stands_in_the_page_for_the_policy_refuses_it(browser: Browser, pipeline: Pipeline) -> None:
    page = browser.get("/image", **pipeline.add("a.png"))
    assert "<style" not in page.text
    assert "style=" not in page.text
    assert "style-src 'self'" in page.headers["content-security-policy"]
    style = browser.get("/image/graph.css")
    assert style.headers["content-type"].startswith("text/css")
    assert style.text.startswith(".workflow {")


@pytest.mark.parametrize(
    ("outcome", "more"),
    [("review", {}), (None, {}), ("review", decisions(**MODEL_SAID))],
    ids=["waits", "claimed again", "undone"],
)
def test_nothing_of_the_verdict_is_in_the_page_before_a_decision(
    browser: Browser, pipeline: Pipeline, outcome: str | None, more: dict[str, Any]
) -> None:
    query = pipeline.add("a.png", outcome, **more)
    answers = [
        browser.get(path, **query).text for path in ("/image", "/image/states", "/image/log", "/image/now")
    ]
    for answer in answers:
        for secret in (str(CONFIDENCE), str(OTHER), LABEL, "motorcycle", "91.25"):
            assert secret not in answer, secret
    assert "EndpointThrottledError" in answers[1]  # what went wrong is no verdict


@pytest.mark.parametrize("path", ["/image", "/image/states", "/image/log", "/image/now"])
def test_an_image_of_the_audit_that_passed_looks_like_one_for_review(
    browser: Browser, pipeline: Pipeline, path: str
) -> None:
    def shown(outcome: str, **more: Any) -> str:
        page = browser.get(path, **pipeline.add("a.png", outcome, state_shard={"S": "person#0"}, **more)).text
        # Each of them is an upload of its own, perhaps a second later.
        return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "the time of the upload", page)

    audit = shown("passed")
    assert audit == shown("review")
    assert audit == shown("passed", decision={"S": DECISION["id"]}, **decisions(**MODEL_SAID))


def test_the_verdict_of_other_bytes_under_the_key_is_hidden_too(browser: Browser, pipeline: Pipeline) -> None:
    pipeline.add("a.png", body=b"the same scene")
    waiting = pipeline.add("a.png", "review", label="motorcycle", body=b"newer bytes")
    page = browser.get("/image", **waiting).text
    assert LABEL not in page
    assert "Uploads under this key" in page


def test_after_a_decision_verdict_and_decision_are_shown(browser: Browser, pipeline: Pipeline) -> None:
    query = pipeline.add(
        "a.png", "reviewed", label="motorcycle", decision={"S": DECISION["id"]}, **decisions(**MODEL_SAID)
    )
    page = browser.get("/image", **query).text
    for said in ("the model had said bicycle at 0.9125 (review)", "assumed-role/r/ann", "after 2.3 s"):
        assert said in page, said


def test_states_are_shown_without_the_image(browser: Browser, pipeline: Pipeline) -> None:
    found = browser.get("/image/states", **pipeline.add("a.png")).json()
    assert found["complete"]
    assert [one["state"] for one in found["states"]] == ["Claim image", "Serialize image", "Classify"]
    assert "1,600 characters of the image" in found["states"][1]["texts"]["Output"]
    assert "1,600 characters of the image" in found["states"][2]["texts"]["Input"]
    assert IMAGE_DATA not in json.dumps(found)
    assert str(CONFIDENCE) in found["states"][2]["texts"]["Answer"]
    assert found["states"][2]["errors"] == ["EndpointThrottledError: try later"]


def test_log_lines_of_the_execution_are_shown_and_those_of_a_waiting_image_are_not(
    browser: Browser, pipeline: Pipeline
) -> None:
    line, verdict = browser.get("/image/log", **pipeline.add("a.png")).json()["lines"]
    assert verdict["message"] == "filtered"
    assert (line["source"], line["level"]) == ("Filter", "ERROR")
    assert line["message"] == "using the deployed threshold: <b>gone</b>"
    waiting = browser.get("/image/log", **pipeline.add("b.png", "review"))
    assert (waiting.status_code, waiting.json()["problem"]) == (409, "shown half a minute after the decision")


@pytest.mark.parametrize("key", ["", "results/a.png", f"incoming/{'a' * 2040}"])
@pytest.mark.parametrize("etag", ["", "0" * 32])
def test_a_key_that_no_image_has_is_not_found(browser: Browser, key: str, etag: str) -> None:
    assert browser.get("/image", key=key, etag=etag).status_code == 404
    assert browser.get("/preview", key=key, etag=etag).status_code == 404


def test_a_history_that_is_too_long_is_read_in_part() -> None:
    found = read_execution_data(FakeStates(), EXECUTION, most_characters=1000)  # type: ignore[arg-type]
    assert not found.is_complete
    assert len(found.states) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"a": "' + "x" * 1200 + '"}', "(1,200 characters)"),
        ("not JSON", "not JSON"),
        ("y" * 2000, "(2,000 characters)"),
    ],
)
def test_long_texts_are_cut(text: str, shown: str) -> None:
    assert shown in without_image(text)
    assert len(without_image(text)) < 1200


def test_an_image_that_nobody_knows_is_not_found(browser: Browser) -> None:
    page = browser.get("/image", key="incoming/nothing.png", etag="0")
    assert page.status_code == 404
    assert "there is no such image" in page.text


def test_an_object_outside_of_incoming_is_not_shown(browser: Browser, pipeline: Pipeline) -> None:
    pipeline.s3.put_object(Bucket=IMAGES, Key="private/a.png", Body=b"x")
    assert browser.get("/image", key="private/a.png", etag="x").status_code == 404


def test_a_key_alone_leads_to_its_newest_image(browser: Browser, pipeline: Pipeline) -> None:
    query = pipeline.add("a.png")
    answer = browser.get("/image", key=query["key"])
    assert answer.status_code == 307
    assert query["etag"] in answer.headers["location"]


def test_hostile_names_and_labels_are_texts(browser: Browser, pipeline: Pipeline) -> None:
    hostile = '"><script>alert(1)</script>.png'
    page = browser.get("/image", **pipeline.add(hostile, label="<img src=x onerror=alert(2)>")).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_what_iam_refuses_is_named_and_the_rest_is_shown(pipeline: Pipeline) -> None:
    refusal = client_error(
        "AccessDeniedException",
        message="User: arn:aws:iam::1:user/u is not authorized to perform: states:DescribeExecution on resource: x",
        operation="DescribeExecution",
    )
    browser = Browser({"stepfunctions": FakeStates(failure=refusal)})
    page = browser.get("/image", **pipeline.add("a.png"))
    assert page.status_code == 200
    assert "not allowed to call states:DescribeExecution" in page.text
    assert "bicycle at 0.9125" in page.text


def test_who_may_only_review_is_told_which_permission_the_page_needs(pipeline: Pipeline) -> None:
    refusal = client_error("AccessDeniedException", message="not authorized", operation="Query")
    browser = Browser({"dynamodb": RefusedPages(refusal)})
    opened = browser.state.cloud()
    page = browser.get("/image", **pipeline.add("a.png"))
    assert "needs dynamodb:Query on table claims" in page.text
    assert "ReviewerPolicy" in page.text
    assert browser.state.opened is opened  # a refusal is no reason to connect again


def test_a_refusal_without_a_name_is_that_of_its_operation() -> None:
    assert (
        refused_action(client_error("AccessDenied", message="Access Denied", operation="GetObject"))
        == "GetObject"
    )
    assert refused_action(client_error("NoSuchKey")) is None


@pytest.mark.parametrize(
    ("outcome", "more", "why"),
    [
        ("passed", {}, "its outcome is passed"),
        ("reviewed", {"decision": {"S": "id"}}, "a person has decided"),
        ("failed", {"decision": {"S": "id"}}, "a person has decided"),
    ],
)
def test_what_has_an_outcome_or_a_decision_is_not_run_again(
    browser: Browser, pipeline: Pipeline, states: FakeStates, outcome: str, more: dict[str, Any], why: str
) -> None:
    query = pipeline.add("a.png", outcome, **more)
    assert why in browser.get("/image", **query).text
    answer = browser.post("/image/again", query)
    assert answer.status_code == 409
    assert why in answer.json()["problem"]
    assert not states.started


def test_a_running_image_is_not_run_again(pipeline: Pipeline) -> None:
    states = FakeStates("RUNNING")
    answer = Browser({"stepfunctions": states}).post("/image/again", pipeline.add("a.png", None))
    assert "still running" in answer.json()["problem"]
    assert not states.started


@pytest.mark.parametrize("outcome", ["failed", None], ids=["failed", "died without an outcome"])
def test_a_failed_image_is_run_again_as_redrive_does_it(
    browser: Browser, pipeline: Pipeline, states: FakeStates, outcome: str | None
) -> None:
    query = pipeline.add("a.png", outcome, label=None)
    states.status = "FAILED"
    assert browser.post("/image/again", query).status_code == 200
    event = json.loads(states.started[0]["input"])
    assert event["redrive"] is True
    assert event["detail"]["object"] | {"version-id": None} == {
        "key": query["key"],
        "etag": query["etag"],
        "size": 5,
        "sequencer": "77",
        "version-id": None,
    }


def test_a_deleted_image_is_not_run_again(browser: Browser, pipeline: Pipeline) -> None:
    query = pipeline.add("a.png", "failed", label=None)
    pipeline.s3.delete_object(Bucket=IMAGES, Key=query["key"])
    assert browser.post("/image/again", query).json()["problem"] == "the image was deleted"


def test_a_read_only_console_runs_nothing_again(pipeline: Pipeline, states: FakeStates) -> None:
    browser = Browser({"stepfunctions": states}, read_only=True)
    query = pipeline.add("a.png", "failed", label=None)
    assert "Run again" not in browser.get("/image", **query).text
    assert browser.post("/image/again", query).status_code == 403
    assert not states.started


@pytest.fixture
def recorder(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A "Record decision" that is started and does not get to its end."""
    recorder = Recorder(pipeline.dynamodb, is_slow=True)
    make = Connection.stepfunctions

    def stepfunctions(connection: Connection) -> Any:
        client: Any = make(connection)
        client.start_execution = recorder.start_execution
        return client

    monkeypatch.setattr(Connection, "stepfunctions", stepfunctions)
    return recorder


def correction(browser: Browser, query: dict[str, str], label: str) -> dict[str, Any]:
    return {**query, "label": label, "now": browser.get("/image/now", **query).json()["now"], "took_ms": 1200}


def stored(pipeline: Pipeline, query: dict[str, str]) -> dict[str, Any]:
    name = {"image_key": {"S": query["key"]}, "etag": {"S": query["etag"]}}
    return pipeline.dynamodb.get_item(TableName="claims", Key=name, ConsistentRead=True)["Item"]


def test_a_passed_image_is_corrected_and_the_page_shows_the_decision(
    browser: Browser, pipeline: Pipeline, recorder: Recorder
) -> None:
    query = pipeline.add("a.png")
    page = browser.get("/image", **query).text
    for label in ("bicycle", "motorcycle", "neither", "cannot_tell"):
        assert f'data-label="{label}" >' in page, label
    assert 'data-label="undone"' not in page
    assert browser.post("/image/correct", correction(browser, query, "neither")).json() == {"note": None}
    (entry,) = stored(pipeline, query)["decisions"]["L"]
    assert (entry["M"]["label"], entry["M"]["took_ms"]) == ({"S": "neither"}, {"N": "1200"})
    assert recorder.started == [{"image_key": query["key"], "etag": query["etag"]}]
    page = browser.get("/image", **query).text
    assert "<strong>neither</strong>" in page
    assert "the last decision is being recorded" in page
    assert '"is_changing": true' in page


@pytest.mark.parametrize(("label", "decided"), [("bicycle", "bicycle"), ("undone", "undone")])
def test_a_decision_is_replaced_or_taken_back(
    browser: Browser, pipeline: Pipeline, recorder: Recorder, label: str, decided: str
) -> None:
    recorded = {"decision": {"S": DECISION["id"]}, **decisions(**MODEL_SAID)}
    query = pipeline.add("a.png", "reviewed", label="motorcycle", **recorded)
    assert 'data-label="undone" >Undo the decision' in browser.get("/image", **query).text
    assert browser.post("/image/correct", correction(browser, query, label)).status_code == 200
    newest = stored(pipeline, query)["decisions"]["L"][-1]["M"]
    assert (newest["label"], newest["replaces"]) == ({"S": decided}, {"S": DECISION["id"]})


@pytest.mark.parametrize("outcome", ["review", "rejected", "failed", None])
def test_what_did_not_pass_is_not_corrected(
    browser: Browser, pipeline: Pipeline, recorder: Recorder, outcome: str | None
) -> None:
    query = pipeline.add("a.png", outcome)
    assert "data-label" not in browser.get("/image", **query).text
    answer = browser.post("/image/correct", correction(browser, query, "neither"))
    assert answer.status_code == 409
    assert "decision" not in stored(pipeline, query)
    assert not recorder.started


def test_a_correction_of_an_image_that_changed_since_the_page_was_loaded_is_refused(
    browser: Browser, pipeline: Pipeline, recorder: Recorder
) -> None:
    query = pipeline.add("a.png")
    before = correction(browser, query, "neither")
    assert browser.post("/image/correct", before).status_code == 200
    answer = browser.post("/image/correct", before | {"label": "bicycle"})
    assert answer.status_code == 409
    assert "since this page was loaded" in answer.json()["problem"]
    assert len(recorder.started) == 1


def test_a_label_that_the_stack_does_not_have_and_an_undo_of_nothing_are_refused(
    browser: Browser, pipeline: Pipeline, recorder: Recorder
) -> None:
    query = pipeline.add("a.png")
    for label, why in (
        ("tricycle", "is not a label"),
        ("gone", "is not a label"),
        ("undone", "nothing to undo"),
    ):
        answer = browser.post("/image/correct", correction(browser, query, label))
        assert answer.status_code == 409
        assert why in answer.json()["problem"]
    assert not recorder.started


def test_why_nothing_can_be_corrected_is_said(
    pipeline: Pipeline, recorder: Recorder, states: FakeStates
) -> None:
    query = pipeline.add("a.png")
    browser = Browser({"stepfunctions": states}, read_only=True)
    page = browser.get("/image", **query).text
    assert 'data-label="neither" disabled' in page
    assert "it was started with --read-only" in page
    assert browser.post("/image/correct", correction(browser, query, "neither")).status_code == 403
    pipeline.s3.delete_object(Bucket=IMAGES, Key=query["key"])
    browser = Browser({"stepfunctions": states})
    page = browser.get("/image", **query).text
    assert 'data-label="neither" disabled' in page
    assert "the image was deleted" in page
    answer = browser.post("/image/correct", correction(browser, query, "neither"))
    assert "was deleted or has expired: it cannot be corrected" in answer.json()["problem"]
    assert not recorder.started


class FakeSerialize:
    """The function: it answers with a picture, or fails."""

    def __init__(self, payload: Any, error: str | None = None, failure: Exception | None = None) -> None:
        self.payload, self.error, self.failure = payload, error, failure
        self.asked: list[Any] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 (AWS's names)
        self.asked.append((FunctionName, json.loads(Payload)))
        if self.failure:
            raise self.failure
        answer = {"Payload": io.BytesIO(json.dumps(self.payload).encode())}
        return answer | ({"FunctionError": self.error} if self.error else {})


@pytest.fixture
def resources(cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    detail = {"StackResourceDetail": {"PhysicalResourceId": "scones-Serialize-1"}}
    monkeypatch.setattr(cloudformation, "describe_stack_resource", lambda **_named: detail, raising=False)


@pytest.mark.usefixtures("resources")
def test_the_model_view_is_what_serialize_makes_of_the_version(pipeline: Pipeline) -> None:
    function = FakeSerialize({"image_data": "QUJD", "content_type": "image/png"})
    query = pipeline.add("a b.png", "review")
    answer = Browser({"_functions": function}).get("/image/model-view", **query)
    assert (answer.content, answer.headers["content-type"]) == (b"ABC", "image/png")
    ((name, request),) = function.asked
    assert name == "scones-Serialize-1"
    assert request | {"version_id": None} == {"bucket": IMAGES, **query, "version_id": None, "size": 5}
    assert "execution" not in request  # else Serialize counts an image that did not arrive


@pytest.mark.usefixtures("resources")
@pytest.mark.parametrize(
    ("function", "status", "said"),
    [
        (FakeSerialize({"errorMessage": "it is cut off"}, "Unhandled"), 422, "it is cut off"),
        (FakeSerialize({"image_data": "QUJD", "content_type": "text/html"}), 422, "text/html"),
        (
            FakeSerialize(None, failure=client_error("AccessDeniedException", operation="Invoke")),
            403,
            "Invoke",
        ),
    ],
    ids=["rejected", "not a picture", "refused"],
)
def test_why_there_is_no_model_view_is_said(
    pipeline: Pipeline, function: FakeSerialize, status: int, said: str
) -> None:
    answer = Browser({"_functions": function}).get("/image/model-view", **pipeline.add("a.png"))
    assert answer.status_code == status
    assert said in answer.json()["problem"]
