"""The Operations page: what it shows and hides, and what it starts, in the background and one of a kind at a time."""

import json
import threading
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.console.jobs import BusyError, Job, Jobs, Report
from scones.console.pages import operations
from scones.errors import SconesError
from scones.index import time_text
from scones.stack import Stack
from tests.fakes.aws_clients import client_error
from tests.unit.scones.console.served import Browser
from tests.unit.scones.fake_stack import REGION

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DEADLINE_S = 20


class FakeSweep:
    """The function: it says what it found, or fails; a dry run of the invocation only asks for the permission."""

    def __init__(self, failure: Exception | None = None, error: str | None = None) -> None:
        self.failure, self.error = failure, error
        self.asked: list[Any] = []
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_: None))

    def invoke(self, *, FunctionName: str, InvocationType: str = "", Payload: bytes = b"") -> dict[str, Any]:  # noqa: N803
        assert FunctionName == "sweep"
        if self.failure:
            raise self.failure
        if InvocationType == "DryRun":
            return {"StatusCode": 204}
        self.asked.append(json.loads(Payload))
        answer = {
            "looked_at": 3,
            "counts": {"started": 1, "finished": 2},
            "images": {"started": [{"key": "incoming/<b>.png", "why": "its execution died"}]},
            "decisions": {"started": 1, "errors": 0},
            "stopped_by": None,
            "continue_after": None,
        }
        if self.error:
            return {
                "FunctionError": "Unhandled",
                "Payload": BytesIO(json.dumps({"errorMessage": self.error}).encode()),
            }
        return {"Payload": BytesIO(json.dumps(answer).encode())}


class NoExecutions:
    """Step Functions in which nothing runs."""

    def list_executions(self, **_named: Any) -> dict[str, Any]:
        return {"executions": []}

    def get_paginator(self, _name: str) -> Any:
        return self

    def paginate(self, **_named: Any) -> Any:
        return [{"executions": []}]


@pytest.fixture
def function() -> FakeSweep:
    return FakeSweep()


@pytest.fixture
def browser(s3: "S3Client", function: FakeSweep, monkeypatch: pytest.MonkeyPatch) -> Browser:
    monkeypatch.setattr("scones.connection.Connection.lambda_", lambda _connection, _seconds: function)
    return Browser({"stepfunctions": NoExecutions()})


def ended(browser: Browser, kind: str) -> Any:
    """Wait until a job has ended; its thread is joined, nothing sleeps."""
    for thread in threading.enumerate():
        if thread.name == f"scones-{kind}":
            thread.join(DEADLINE_S)
    (job,) = [one for one in browser.get("/operations/jobs").json()["jobs"] if one["kind"] == kind]
    assert not job["running"]
    return job


def test_the_page_shows_what_status_does_and_the_commands(browser: Browser) -> None:
    page = browser.get("/operations")
    assert page.status_code == 200, page.text
    for said in (
        "No alarm of this stack is in ALARM",
        "the-endpoint",
        "scones sweep --dry-run --stack scones",
        "0.8",
    ):
        assert said in page.text, said
    assert "style=" not in page.text


def test_a_sweep_runs_in_the_background_and_says_what_it_did(browser: Browser, function: FakeSweep) -> None:
    answer = browser.post("/operations/sweep", {"dry_run": True})
    assert answer.status_code == 200
    assert answer.json()["command"] == f"scones sweep --dry-run --stack scones --region {REGION}"
    job = ended(browser, "sweep")
    assert function.asked == [{"dry_run": True, "start_after": None}]
    assert job["summary"] == "looked at 3 images: 1 would start, 2 with an outcome"
    assert job["rows"] == [["incoming/<b>.png", "would start", "its execution died"]]
    assert job["notes"] == ["recording 1 decision of people again"]
    assert "\\u003cb>" in browser.get("/operations").text  # in the page's data, where no markup can begin


def test_a_sweep_that_fails_says_why(browser: Browser, function: FakeSweep) -> None:
    function.error = "the table is gone"
    browser.post("/operations/sweep", {})
    assert ended(browser, "sweep")["problem"] == "the sweep failed: the table is gone"


def test_what_may_not_be_invoked_is_disabled_with_its_action(browser: Browser, function: FakeSweep) -> None:
    function.failure = client_error(
        "AccessDeniedException",
        message="User: u is not authorized to perform: lambda:InvokeFunction on resource: r",
    )
    page = browser.get("/operations")
    assert page.status_code == 200
    assert "This needs lambda:InvokeFunction" in page.text
    sweep_form = page.text.split('id="sweep"')[1].split("</form>")[0]
    assert sweep_form.count(" disabled ") == 2
    assert "disabled" not in page.text.split('id="redrive"')[1].split("</form>")[0]


def test_a_refused_threshold_is_disabled_from_then_on(s3: "S3Client", function: FakeSweep) -> None:
    class NoWrites:
        def get_parameter(self, **_named: str) -> Any:
            return {"Parameter": {"Value": "0.8"}}

        def put_parameter(self, **_named: Any) -> Any:
            raise client_error(
                "AccessDeniedException", message="not authorized to perform: ssm:PutParameter on r"
            )

    browser = Browser({"stepfunctions": NoExecutions(), "ssm": NoWrites(), "_functions": function})
    answer = browser.post("/operations/threshold", {"value": "0.9"})
    assert answer.status_code == 403
    assert "ssm:PutParameter" in answer.json()["problem"]
    assert "This needs ssm:PutParameter" in browser.get("/operations").text


def test_a_part_that_may_not_be_read_leaves_the_others(s3: "S3Client", function: FakeSweep) -> None:
    class Denied:
        def get_paginator(self, _name: str) -> Any:
            raise client_error(
                "AccessDenied", message="not authorized to perform: cloudwatch:DescribeAlarms on *"
            )

    browser = Browser({"stepfunctions": NoExecutions(), "cloudwatch": Denied(), "_functions": function})
    page = browser.get("/operations").text
    assert "not allowed to call cloudwatch:DescribeAlarms" in page
    assert "No alarm of this stack" not in page
    assert "the-endpoint" in page


def test_the_threshold_is_set_and_goes_back(browser: Browser) -> None:
    ssm = boto3.client("ssm", region_name=REGION)

    def live() -> str:
        return ssm.get_parameter(Name="ConfidenceThreshold-scones")["Parameter"]["Value"]

    assert browser.post("/operations/threshold", {"value": "0.93"}).json()["threshold"] == 0.93
    assert live() == "0.93"
    assert browser.post("/operations/threshold", {}).json()["threshold"] == 0.8
    assert live() == "0.8"


def test_a_certificate_without_which_nothing_passes_is_not_ended_by_a_form(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stack, "requires_certificate", property(lambda _: True))
    certificate = {
        "model_version": "m1",
        "labels": ["bicycle", "motorcycle"],
        "serialize": "s1",
        "until": "2026-12-24T00:00:00Z",
    }
    certificate["until"] = time_text(datetime.now(UTC) + timedelta(days=5))
    value = json.dumps({"thresholds": {"default": 0.9}, "certificate": certificate})
    ssm = boto3.client("ssm", region_name=REGION)
    ssm.put_parameter(Name="ConfidenceThreshold-scones", Value=value, Type="String", Overwrite=True)
    page = browser.get("/operations").text
    assert "The certificate ends in 5 days, at " in page
    assert "--apply</code> renews it" in page
    answer = browser.post("/operations/threshold", {"value": "0.5"})
    assert answer.status_code == 409
    assert "`scones threshold --force`" in answer.json()["problem"]
    assert ssm.get_parameter(Name="ConfidenceThreshold-scones")["Parameter"]["Value"] == value


@pytest.mark.parametrize("value", ["1.2", "", "nan", "<b>", None])
def test_what_is_not_a_threshold_is_refused(browser: Browser, value: Any) -> None:
    answer = browser.post("/operations/threshold", {"value": value})
    assert answer.status_code == 400
    assert "must be a number from 0 to 1" in answer.json()["problem"]


@pytest.mark.parametrize("limit", [0, -1, "5", 1.5, True, 10**9])
def test_what_is_not_a_limit_is_refused(browser: Browser, limit: Any) -> None:
    assert browser.post("/operations/redrive", {"limit": limit}).status_code == 400


def test_a_redrive_of_nothing_says_so(browser: Browser) -> None:
    answer = browser.post("/operations/redrive", {"dry_run": True, "limit": 5})
    assert answer.json()["command"] == f"scones redrive --dry-run --limit 5 --stack scones --region {REGION}"
    assert ended(browser, "redrive")["summary"] == "0 images: nothing had failed"


def test_two_jobs_of_a_kind_do_not_run_at_once() -> None:
    go_on, jobs = threading.Event(), Jobs(str)

    def wait(job: Job) -> Report:
        job.progress(7, 3)
        go_on.wait(DEADLINE_S)
        return Report("done")

    jobs.start(Job("redrive", "scones redrive"), wait)
    with pytest.raises(BusyError, match="a redrive is running already"):
        jobs.start(Job("redrive", "scones redrive"), wait)
    jobs.start(Job("sweep", "scones sweep"), lambda _job: Report("done"))  # another kind may
    (redrive,) = [job for job in jobs.all() if job.kind == "redrive"]
    go_on.set()
    _join("redrive")
    assert (redrive.found, redrive.done, redrive.report) == (7, 3, Report("done"))
    jobs.start(Job("redrive", "scones redrive"), lambda _job: Report("again"))


def _join(kind: str) -> None:
    for thread in threading.enumerate():
        if thread.name == f"scones-{kind}":
            thread.join(DEADLINE_S)


def test_a_job_that_fails_is_explained_and_a_refusal_is_remembered_until_it_succeeds() -> None:
    jobs = Jobs(lambda error: f"explained: {error}")

    def run(failure: Exception | None) -> Job:
        def work(_job: Job) -> Report:
            if failure:
                raise failure
            return Report("done")

        job = Job("sweep", "scones sweep")
        jobs.start(job, work)
        _join("sweep")
        return job

    assert run(SconesError("no cloud")).problem == "explained: no cloud"
    assert not jobs.refused
    denied = client_error("AccessDenied", message="not authorized to perform: lambda:InvokeFunction on r")
    assert "lambda:InvokeFunction" in (run(denied).problem or "")
    assert jobs.refused == {"sweep": "lambda:InvokeFunction"}
    run(None)
    assert not jobs.refused


def test_a_read_only_console_shows_commands_and_no_actions(s3: "S3Client", function: FakeSweep) -> None:
    browser = Browser({"stepfunctions": NoExecutions(), "_functions": function}, read_only=True)
    page = browser.get("/operations").text
    assert "scones redrive --dry-run" in page
    assert "<form" not in page
    for path in ("sweep", "redrive", "threshold"):
        assert browser.post(f"/operations/{path}", {}).status_code == 403
    assert not function.asked


def test_backfills_are_shown_with_what_is_done(s3: "S3Client", function: FakeSweep) -> None:
    class OneBackfill(NoExecutions):
        def list_executions(self, **_named: Any) -> dict[str, Any]:
            one = {
                "executionArn": "a:b",
                "startDate": datetime(2026, 11, 27, tzinfo=UTC),
                "status": "RUNNING",
            }
            return {"executions": [one]}

        def list_map_runs(self, **_named: str) -> Any:
            return {"mapRuns": [{"mapRunArn": "m"}]}

        def describe_map_run(self, **_named: str) -> Any:
            return {"itemCounts": {"total": 1200, "succeeded": 900, "failed": 100}}

    page = Browser({"stepfunctions": OneBackfill(), "_functions": function}).get("/operations").text
    assert "1,000 of 1,200" in page
    assert "running" in page


def test_the_operations_page_needs_the_token_of_writes(browser: Browser, function: FakeSweep) -> None:
    for path in ("sweep", "redrive", "threshold"):
        answer = browser.client.post(
            f"/operations/{path}", json={}, headers={"origin": "http://127.0.0.1:8123"}
        )
        assert answer.status_code == 403
    assert not function.asked
    assert operations.PAGE.path == "/operations"
