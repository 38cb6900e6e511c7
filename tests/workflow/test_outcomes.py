"""Every branch of the workflow: one result object, the right messages, nothing else."""

import hashlib
import json
import shlex
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scones.cost.bill import STATES, STATES_OF_NO_IMAGE
from tests.workflow.harness import (
    CLASSIFIED,
    FUNCTIONS,
    SERIALIZED,
    SURE,
    UNSURE,
    Run,
    Workflow,
    raises,
    returns,
)

pytestmark = pytest.mark.local_cloud

POISON = ("UnsupportedImageError", "CorruptImageError", "ImageTooLargeError", "ImageNotFoundError")


@pytest.fixture(scope="module")
def schema(root: Path) -> dict[str, object]:
    return dict(json.loads((root / "docs" / "contracts" / "result.schema.json").read_text()))


def counts(run: Run) -> tuple[int, ...]:
    return tuple(len(run.attempts[name]) for name in FUNCTIONS)


def test_a_sure_image_passes_without_a_person(workflow: Workflow, schema: dict[str, object]) -> None:
    run = workflow.run(key="incoming/couriers/anna.jpg")

    (key,) = run.results
    assert key == f"passed/bicycle/couriers/anna.jpg/{run.document['image']['etag']}.json"
    jsonschema.validate(run.document, schema)
    assert run.document["reason"] == "bicycle at 0.950 reaches the threshold of 0.8"
    assert run.document["inferences"] == CLASSIFIED["inferences"]
    assert (run.status, run.reviews, run.alerts) == ("SUCCEEDED", [], [])


def test_an_unsure_image_goes_to_a_person(workflow: Workflow, schema: dict[str, object]) -> None:
    run = workflow.run(filter_=returns(UNSURE), key="incoming/anna.jpg")

    (key,) = run.results
    assert key == f"review/anna.jpg/{run.document['image']['etag']}.json"
    jsonschema.validate(run.document, schema)
    (message,) = run.reviews
    assert message == run.document | {"result": f"s3://results/{key}"}
    assert message["reason"] == "bicycle at 0.610 is below the threshold of 0.8"
    assert (run.status, run.alerts) == ("SUCCEEDED", [])


def test_a_reason_is_never_rounded_to_the_other_side(workflow: Workflow) -> None:
    just_below = UNSURE | {"confidence": 0.799997}
    run = workflow.run(filter_=returns(just_below))

    assert run.document["reason"] == "bicycle at 0.799 is below the threshold of 0.8"


def test_an_image_without_a_certificate_goes_to_a_person_and_the_reason_says_why(
    workflow: Workflow, schema: dict[str, object]
) -> None:
    verdict = SURE | {"passed": False, "reason": "no certificate covers model 3f2a: certified is 91bc"}
    run = workflow.run(filter_=returns(verdict))

    jsonschema.validate(run.document, schema)
    assert run.document["outcome"] == "review"
    assert run.document["reason"] == (
        "bicycle at 0.950 reaches the threshold of 0.8, but no certificate covers model 3f2a: certified is 91bc"
    )


def test_an_image_that_meets_the_open_breaker_is_held_with_its_event_and_has_no_outcome(
    workflow: Workflow,
) -> None:
    run = workflow.run(
        classify=raises("EndpointPausedError"), key="incoming/anna.jpg", etag="parked", sequencer="01"
    )

    assert (run.status, run.results, run.reviews, run.alerts) == ("SUCCEEDED", {}, [], [])
    assert counts(run) == (1, 1, 0)
    assert (run.claim["claim_ends"], "finished_at" in run.claim) == ("0", False)
    assert run.claim["state_shard"].startswith("open#")
    (event,) = workflow.held()
    assert event["detail"]["object"]["key"] == "incoming/anna.jpg"

    again = workflow.run(key="incoming/anna.jpg", etag="parked", sequencer="01")
    twice = workflow.run(key="incoming/anna.jpg", etag="parked", sequencer="01")  # SQS may deliver it again

    assert (again.document["outcome"], counts(again)) == ("passed", (1, 1, 1))
    assert "finished_at" in again.claim
    assert counts(twice) == (0, 0, 0)


@pytest.mark.parametrize("error", POISON)
def test_poison_is_rejected_at_once_and_alarms_nobody(
    workflow: Workflow, schema: dict[str, object], error: str
) -> None:
    run = workflow.run(serialize=raises(error, 'the file is "broken", é\nand more'))

    (key,) = run.results
    assert key.startswith("rejected/")
    jsonschema.validate(run.document, schema)
    assert run.document["error"] == {
        "name": error,
        "message": 'the file is "broken", é\nand more',
        "state": "Serialize image",
    }
    assert counts(run) == (1, 0, 0)
    assert (run.status, run.reviews, run.alerts) == ("SUCCEEDED", [], [])


@pytest.mark.parametrize(
    ("function", "error", "answer"),
    [
        ("serialize", "StorageUnavailableError", SERIALIZED),
        ("classify", "EndpointThrottledError", CLASSIFIED),
        ("classify", "EndpointUnavailableError", CLASSIFIED),
        ("classify", "EndpointNotFoundError", CLASSIFIED),
        ("filter_", "Lambda.TooManyRequestsException", SURE),
    ],
)
def test_a_service_that_comes_back_costs_only_time(
    workflow: Workflow, function: str, error: str, answer: object
) -> None:
    run = workflow.run(**{function: raises(error, times=15) + returns(answer)})  # type: ignore[arg-type]

    assert run.document["outcome"] == "passed"
    assert sum(counts(run)) == 15 + 3
    assert (run.status, run.alerts) == ("SUCCEEDED", [])


@pytest.mark.parametrize(
    ("function", "error", "state"),
    [
        ("serialize", "ClientError", "Serialize image"),
        ("classify", "InvalidPredictionError", "Classify"),
        ("classify", "KeyError", "Classify"),
        ("filter_", "ValueError", "Filter"),
    ],
)
def test_a_permanent_error_fails_at_once_and_raises_the_alert(
    workflow: Workflow, schema: dict[str, object], function: str, error: str, state: str
) -> None:
    run = workflow.run(**{function: raises(error, "no such thing")})  # type: ignore[arg-type]

    (key,) = run.results
    assert key.startswith("failed/")
    jsonschema.validate(run.document, schema)
    assert run.document["error"] == {"name": error, "message": "no such thing", "state": state}
    (alert,) = run.alerts
    assert alert["reason"] == f"{state} failed: no such thing"
    assert alert["result"] == f"s3://results/{key}"
    assert alert["stored"] is True
    assert shlex.split(alert["look"]) == ["scones", "why", "--stack", "test", run.document["image"]["key"]]
    assert alert["next_step"] == "docs/runbook.md#an-image-could-not-be-handled"
    assert max(counts(run)) == 1
    assert (run.status, run.reviews) == ("SUCCEEDED", [])


def test_the_command_of_an_alert_is_one_that_a_shell_takes(workflow: Workflow) -> None:
    key = 'incoming/$HOME\'s `best` "one" \\n.jpg'
    run = workflow.run(key=key, classify=raises("InvalidPredictionError"))

    (alert,) = run.alerts
    assert shlex.split(alert["look"]) == ["scones", "why", "--stack", "test", key]


def test_a_failed_outcome_is_counted(workflow: Workflow) -> None:
    for classify in (raises("InvalidPredictionError"), returns(CLASSIFIED)):
        workflow.run(classify=classify, MetricsNamespace="Scones/counted")

    cloudwatch, now = workflow.client("cloudwatch"), datetime.now(UTC)
    metrics = cloudwatch.list_metrics(Namespace="Scones/counted")["Metrics"]
    service, release = {"Name": "service", "Value": "workflow"}, {"Name": "release", "Value": "test"}
    assert {one["MetricName"] for one in metrics} == {"Failed"}
    dimensions = [sorted(one["Dimensions"], key=lambda found: found["Name"]) for one in metrics]
    assert sorted(dimensions, key=len) == [[service], [release, service]]
    for found in metrics:
        points = cloudwatch.get_metric_statistics(
            **found, StartTime=now - timedelta(hours=1), EndTime=now, Period=3600, Statistics=["Sum"]
        )["Datapoints"]
        assert sum(point["Sum"] for point in points) == 1


def test_a_failure_that_is_not_counted_is_told_all_the_same(workflow: Workflow) -> None:
    refused = "{% $error(1) %}"
    run = workflow.run(classify=raises("InvalidPredictionError"), MetricsNamespace=refused)

    assert run.document["error"]["name"] == "InvalidPredictionError"
    (alert,) = run.alerts
    assert alert["error"]["name"] == "InvalidPredictionError"
    assert (run.status, run.claim["outcome"]) == ("SUCCEEDED", "failed")


def test_a_sandbox_that_keeps_dying_is_tried_four_times(workflow: Workflow) -> None:
    run = workflow.run(classify=[{"exit": 3}])

    assert run.document["outcome"] == "failed"
    assert run.document["error"]["name"] == "Runtime.ExitError"
    assert counts(run) == (1, 4, 0)
    assert len(run.alerts) == 1


def test_an_answer_that_is_no_object_fails_with_a_reason(workflow: Workflow) -> None:
    run = workflow.run(classify=returns(None))

    assert run.document["outcome"] == "failed"
    assert run.document["error"]["name"] == "States.QueryEvaluationError"
    assert run.document["error"]["state"] == "Classify"


@pytest.mark.parametrize("missing", SURE)
def test_a_verdict_that_lacks_something_fails_where_it_is_caught(workflow: Workflow, missing: str) -> None:
    verdict = {name: value for name, value in SURE.items() if name != missing}
    run = workflow.run(filter_=returns(verdict))

    assert run.document["outcome"] == "failed"
    assert run.document["error"]["state"] == "Filter"
    assert len(run.alerts) == 1
    assert run.status == "SUCCEEDED"


def test_a_result_that_cannot_be_stored_is_alerted_and_fails_the_execution(workflow: Workflow) -> None:
    run = workflow.run(ResultsBucket="no-such-bucket")

    assert run.results == {}
    (alert,) = run.alerts
    assert alert["error"]["state"] == "Store result"
    assert alert["stored"] is False
    assert alert["label"] == "bicycle"
    assert (run.status, run.error) == ("FAILED", "S3.NoSuchBucketException")


def test_a_review_nobody_could_be_asked_for_raises_the_alert(workflow: Workflow) -> None:
    run = workflow.run(filter_=returns(UNSURE), ReviewTopic="arn:aws:sns:us-east-1:000000000000:gone")

    assert run.document["outcome"] == "review"
    (alert,) = run.alerts
    assert alert["error"]["state"] == "Ask for review"
    assert alert["stored"] is True
    assert run.status == "SUCCEEDED"


def test_an_alert_that_cannot_be_sent_fails_the_execution(workflow: Workflow) -> None:
    run = workflow.run(classify=raises("KeyError"), AlertTopic="arn:aws:sns:us-east-1:000000000000:gone")

    assert run.document["outcome"] == "failed"
    assert run.status == "FAILED"


@pytest.mark.parametrize(
    "below",
    [
        "a b+c%25d.png",
        "ünï/日本語.jpg",
        "/leading//twice/../x.jpg",
        "no extension",
        "quote'\"\\.png",
        "a" * 900,
    ],
)
def test_a_result_is_named_after_its_image(workflow: Workflow, below: str) -> None:
    run = workflow.run(key=f"incoming/{below}", version_id=None)

    (key,) = run.results
    assert key == f"passed/bicycle/{below}/{run.document['image']['etag']}.json"
    assert run.document["image"]["key"] == f"incoming/{below}"
    assert run.document["image"]["version_id"] is None


@pytest.mark.parametrize("below", ["a" * 1015, "ü" * 507, "日" * 338])
def test_a_name_too_long_for_a_key_is_cut_and_hashed(workflow: Workflow, below: str) -> None:
    run = workflow.run(key=f"incoming/{below}")

    (key,) = run.results
    digest = hashlib.sha256(below.encode()).hexdigest()
    assert key == f"passed/bicycle/{below[:200]}~{digest}/{run.document['image']['etag']}.json"
    assert len(key.encode()) <= 1024


def test_functions_get_the_reference_and_the_correlation_ids(workflow: Workflow) -> None:
    run = workflow.run(key="incoming/x.jpg")

    (request,) = run.attempts["Serialize"]
    assert request["key"] == "incoming/x.jpg"
    assert request["version_id"] == "v1"
    for name in FUNCTIONS:
        (request,) = run.attempts[name]
        assert request["execution"] == run.document["execution"]
        assert request["s3_request_id"] == "N4N7GDK58NMKJ12R"


def test_image_data_goes_no_further_than_classify(workflow: Workflow) -> None:
    run = workflow.run()

    inputs = [
        (event["stateEnteredEventDetails"]["name"], event["stateEnteredEventDetails"]["input"])
        for event in run.history
        if "stateEnteredEventDetails" in event
    ]
    assert [name for name, text in inputs if "image_data" in text] == ["Classify"]
    assert "image_data" not in json.dumps(run.attempts["Filter"])
    assert "image_data" not in json.dumps(run.document)


def calls(run: Run, service: str) -> int:
    """Count the calls of a service that succeeded."""
    succeeded = [event.get("taskSucceededEventDetails", {}) for event in run.history]
    return sum(f":{service}:" in detail.get("resource", "") for detail in succeeded)


def test_an_outcome_costs_what_the_capacity_page_says(workflow: Workflow, root: Path) -> None:
    lines = (root / "docs" / "capacity.md").read_text().splitlines()
    runs = [
        workflow.run(),
        workflow.run(filter_=returns(UNSURE)),
        workflow.run(serialize=raises("CorruptImageError")),
        workflow.run(classify=raises("InvalidPredictionError")),
    ]
    counted = {
        "states entered": [sum("stateEnteredEventDetails" in event for event in run.history) for run in runs],
        "Lambda invocations": [sum(counts(run)) for run in runs],
        "DynamoDB writes": [calls(run, "dynamodb") for run in runs],
        "SNS messages": [calls(run, "sns") for run in runs],
    }
    for name, numbers in counted.items():
        (row,) = [line for line in lines if line.startswith(f"| {name}")]
        assert [int(cell) for cell in row.split("|")[2:6]] == numbers, name
    assert counted["states entered"][:2] == [7, 9]
    assert counted["states entered"] == list(STATES.values()), "what `scones cost` counts with"
    image: dict[str, Any] = {"key": "incoming/delivered twice.jpg", "etag": uuid.uuid4().hex}
    workflow.run(**image)
    for again in (workflow.run(**image), workflow.run(key=f"others/{uuid.uuid4()}.jpg")):
        entered = sum("stateEnteredEventDetails" in event for event in again.history)
        assert (entered, calls(again, "dynamodb")) == (STATES_OF_NO_IMAGE, 0)
