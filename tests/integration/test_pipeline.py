"""The deployed stack on real input: every upload under exactly one outcome, with a reason."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from endpoint.predictor import SHIPPED_MODEL, Predictor
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import kill_workers
from tests.local_cloud.pictures import CLASSIFIED, IGNORED, REJECTED

pytestmark = pytest.mark.local_cloud


@pytest.fixture(scope="module")
def documents(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    """What the stack made of every picture."""
    before = len(cloud.executions())
    for key, body in (IGNORED | CLASSIFIED | REJECTED).items():
        cloud.put(key, body)
    folder_marker = 1  # starts an execution that ends at the claim
    cloud.wait_until_idle(before + len(CLASSIFIED) + len(REJECTED) + folder_marker)
    return cloud.documents()


def test_every_upload_has_exactly_one_outcome(documents: dict[str, dict[str, Any]], root: Path) -> None:
    keys = Counter(document["image"]["key"] for document in documents.values())
    assert keys == Counter([*CLASSIFIED, *REJECTED])
    schema = json.loads((root / "docs" / "contracts" / "result.schema.json").read_text())
    for document in documents.values():
        jsonschema.validate(document, schema)


@pytest.mark.parametrize("key", CLASSIFIED, ids=lambda key: key[:40])
def test_an_image_is_classified(documents: dict[str, dict[str, Any]], key: str) -> None:
    (document,) = [document for document in documents.values() if document["image"]["key"] == key]
    assert document["outcome"] in {"passed", "review"}, document["reason"]
    assert document["labels"] == ["bicycle", "motorcycle"]
    assert document["confidence"] == max(document["inferences"])
    assert (document["outcome"] == "passed") == (document["confidence"] >= 0.8)
    assert document["endpoint"] == {
        "name": "scones-image-classifier",
        "variant": "AllTraffic",
        "model_version": Predictor(SHIPPED_MODEL).version,
    }


@pytest.mark.parametrize("key", REJECTED)
def test_a_file_that_is_no_image_is_rejected_with_a_reason(
    documents: dict[str, dict[str, Any]], key: str
) -> None:
    (document,) = [document for document in documents.values() if document["image"]["key"] == key]
    assert document["outcome"] == "rejected", document["reason"]
    assert document["error"]["state"] == "Serialize image"
    assert document["error"]["name"].endswith("Error")
    assert len(document["reason"].split()) > 3
    assert "Traceback" not in document["reason"]


def test_the_path_of_an_execution_is_drawn(cloud: LocalCloud, documents: dict[str, dict[str, Any]]) -> None:
    (document,) = [one for one in documents.values() if one["image"]["key"] == "incoming/note.jpg"]
    done = cloud.shell.run("graph", "--svg", "--execution", document["execution"])
    assert (done.returncode, done.stderr) == (0, "")
    (told,) = re.findall("<desc .*?>(.*)</desc>", done.stdout)
    assert [step.split(": ")[0] for step in told.split("; ")] == [
        "1. Claim image",
        "2. Serialize image",
        "3. Explain failure",
        "4. What is left to do?",
        "5. Describe failure",
        "6. Store result",
        "7. Who must know?",
        "8. Close claim",
    ]


@pytest.mark.parametrize("key", ["incoming/plain.jpg", "incoming/note.jpg"])
def test_one_id_leads_from_the_event_to_the_document_and_every_log_line(
    cloud: LocalCloud, documents: dict[str, dict[str, Any]], key: str
) -> None:
    (document,) = [document for document in documents.values() if document["image"]["key"] == key]
    execution = cloud.client("stepfunctions").describe_execution(executionArn=document["execution"])
    event = json.loads(execution["input"])
    assert event["detail"]["object"]["key"] == key
    assert document["s3_request_id"] == event["detail"]["request-id"]

    functions = ["serialize"] if document["outcome"] == "rejected" else ["serialize", "classify", "filter"]
    invocations = [
        lines for lines in invocation_logs(cloud) if f'"{document["execution"]}"' in "".join(lines)
    ]
    # An invocation that Step Functions retried has logged too.
    assert sorted({json.loads(lines[0])["service"] for lines in invocations}) == sorted(functions)
    for line in (json.loads(line) for lines in invocations for line in lines):
        assert line["correlation_id"] == document["execution"], line
        assert "_aws" in line or line["s3_request_id"] == document["s3_request_id"], line


def invocation_logs(cloud: LocalCloud) -> list[list[str]]:
    """What the three functions logged in each invocation: Lambda's own lines, plain text, are left out.

    So is the metric of a cold start, which is about no image. The emulator has a stream for each invocation.
    """
    logs, found = cloud.client("logs"), []
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    for group in (name for name in groups if re.search("(Serialize|Classify|Filter)Logs", name)):
        pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        for stream in (stream["logStreamName"] for page in pages for stream in page["logStreams"]):
            events = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
            lines = [event["message"] for event in events["events"] if event["message"].startswith("{")]
            found.append([line for line in lines if '"ColdStart"' not in line])
    return found


def test_results_start_no_workflow(cloud: LocalCloud, documents: dict[str, dict[str, Any]]) -> None:
    started = {document["execution"] for document in documents.values()}
    assert {execution["executionArn"] for execution in cloud.executions()} >= started
    assert len(started) == len(documents)
    assert {execution["status"] for execution in cloud.executions()} == {"SUCCEEDED"}


def test_drop_prints_what_became_of_the_samples(cloud: LocalCloud, root: Path) -> None:
    samples = sorted(path.name for path in (root / "events" / "images").iterdir())

    dropped = cloud.shell.run("drop", "events/images", "--json")

    assert dropped.returncode == 0, dropped.stderr
    report = json.loads(dropped.stdout)
    assert sorted(Path(image["path"]).name for image in report["images"]) == samples
    outcomes = {Path(image["path"]).name: image["outcome"] for image in report["images"]}
    assert outcomes["bicycle.jpg"] == "passed"
    assert outcomes["cut-off.png"] == outcomes["not-an-image.jpg"] == "rejected"
    assert report["without_outcome"] == 0


def test_status_and_results_agree_with_the_bucket(cloud: LocalCloud) -> None:
    stored = Counter(document["outcome"] for document in cloud.documents().values())

    status = cloud.shell.run("status", "--json")
    results = cloud.shell.run("results", "--outcome", "rejected", "--limit", "1000", "--json")

    assert status.returncode == 0, status.stderr
    for outcome, count in stored.items():
        assert f'"{outcome}"' in status.stdout
        assert count > 0
    assert len(json.loads(results.stdout)) == stored["rejected"]


def test_cost_prices_what_has_data_and_says_what_has_none(
    cloud: LocalCloud, documents: dict[str, dict[str, Any]]
) -> None:
    """The emulator has metrics of executions and of the stack's own, and none of functions, tables and logs."""
    said = cloud.shell.scones_json("cost", "--since", "1d")
    known = {line["key"]: line["dollars"] for line in said["lines"]}
    assert said["images"] >= len(documents)
    assert known["states"] >= len(documents) * 7 * 0.000025
    started = (
        known["events.uploads"] * 1e6
    )  # some tests start an image twice, whose second execution ends at once
    assert started >= said["images"] > 0
    assert known["alarms"] > 0
    assert known["metrics"] > 0
    assert {known["lambda.Serialize"], known["dynamodb.write"], known["logs"], known["endpoint"]} == {None}
    assert said["complete"] is False


def test_a_replaced_image_never_gets_the_verdict_of_other_bytes(cloud: LocalCloud) -> None:
    before = len(cloud.executions())
    etags = [
        cloud.put("incoming/replaced.png", CLASSIFIED[key])
        for key in ("incoming/with space.png", "incoming/one-pixel.png")
    ]

    cloud.wait_until_idle(before + 2)

    found = [
        document
        for document in cloud.documents().values()
        if document["image"]["key"] == "incoming/replaced.png"
    ]
    assert sorted(document["image"]["etag"] for document in found) == sorted(etags)
    (last,) = [document for document in found if document["image"]["etag"] == etags[-1]]
    assert last["outcome"] in {"passed", "review"}
    (first,) = [document for document in found if document["image"]["etag"] == etags[0]]
    assert first["outcome"] in {"passed", "review", "rejected"}
    assert first["outcome"] != "rejected" or first["error"]["name"] == "ImageNotFoundError"


@pytest.fixture
def filter_log(cloud: LocalCloud) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """What Filter logs; the live threshold is set back after."""
    lambda_, logs = cloud.client("lambda"), cloud.client("logs")
    (function,) = [each for each in lambda_.list_functions()["Functions"] if "Filter" in each["FunctionName"]]

    def records() -> list[dict[str, Any]]:
        group = function["LoggingConfig"]["LogGroup"]
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [event["message"] for page in pages for event in page["events"]]
        return [json.loads(line) for line in lines if line.startswith("{")]

    yield records
    cloud.shell.run("threshold", "--reset")


def judged_anew(cloud: LocalCloud) -> dict[str, Any]:
    """Drop the sample bicycle, and return its document; a new process of Filter asks for the threshold at once."""
    kill_workers(cloud)
    dropped = cloud.shell.run("drop", "events/images/bicycle.jpg", "--json")
    (image,) = json.loads(dropped.stdout)["images"]
    return cloud.documents()[image["result"]]


def test_the_live_threshold_counts_without_a_deploy_and_the_deployed_one_when_it_is_gone(
    cloud: LocalCloud, filter_log: Callable[[], list[dict[str, Any]]]
) -> None:
    document = judged_anew(cloud)
    assert (document["threshold"], document["outcome"]) == (0.8, "passed")

    raised = cloud.shell.run("threshold", "1")
    assert raised.returncode == 0, raised.stderr
    document = judged_anew(cloud)
    assert (document["threshold"], document["outcome"]) == (1, "review")
    assert document["reason"].endswith("is below the threshold of 1")
    assert not [record for record in filter_log() if record.get("level") == "WARNING"]

    cloud.client("ssm").delete_parameter(Name=cloud.outputs["ThresholdParameterName"])
    document = judged_anew(cloud)
    assert (document["threshold"], document["outcome"]) == (0.8, "passed")
    records = filter_log()
    (warning,) = [record for record in records if record.get("correlation_id") == document["execution"]][:1]
    assert (warning["level"], warning["message"]) == ("WARNING", "using the deployed threshold")
    assert "ParameterNotFound" in warning["reason"]
    assert [1.0] in [record.get("ThresholdFallback") for record in records]
    assert cloud.shell.run("threshold").returncode == 1
