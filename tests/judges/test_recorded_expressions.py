"""Expressions with what the emulated services really answer: recorded while the workflows run, then evaluated anew."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scones.local import servers
from scones.local.address import Address
from scones.local.processes import Processes
from tests.judges.canonical import canonical
from tests.judges.emulated import FROZEN
from tests.judges.node import needs_node, run_script
from tests.judges.recording_emulator import VARIABLE
from tests.static.definitions import text_of
from tests.support import ROOT, free_address
from tests.workflow.decisions import decide, recording
from tests.workflow.deployment import deployed_workflow
from tests.workflow.harness import UNSURE, Workflow, raises, returns

pytestmark = [pytest.mark.judge, pytest.mark.local_cloud, needs_node]


@pytest.fixture(scope="session")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recorded") / "expressions.jsonl"


@pytest.fixture(scope="session")
def emulated_aws(lines: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """The emulated AWS of the workflow tests, writing down what it evaluates."""
    processes, address = Processes(tmp_path_factory.mktemp("aws") / "logs"), free_address()
    start = Processes.start

    def start_recording(
        group: Processes, name: str, _: list[str], environment: dict[str, str], folder: Path
    ) -> None:
        command = [sys.executable, "-m", "tests.judges.recording_emulator"]
        start(group, name, command, environment | {VARIABLE: str(lines)}, folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0")
        patch.setattr(Processes, "start", start_recording)
        servers.start_aws(processes, address, ROOT, concurrency=4)
    try:
        servers.wait_for_aws(processes, address)
        yield address
    finally:
        processes.stop()


@pytest.fixture(scope="session")
def workflow(emulated_aws: Address) -> Workflow:
    return deployed_workflow(emulated_aws)


@pytest.fixture(scope="session")
def records(workflow: Workflow, lines: Path) -> list[dict[str, Any]]:
    key = 'incoming/100% "\u00fcber" + \U0001f6b2.jpg'
    workflow.run(key=key)
    workflow.run(key=key, filter_=returns(UNSURE), version_id=None)
    workflow.run(key=key, serialize=raises("UnsupportedImageError", 'a "broken" \\ file\n'))
    workflow.run(key=key, etag="again", classify=raises("EndpointNotFoundError"))
    workflow.run(key=key, etag="again", redrive=True, sequencer="0055")
    workflow.run(ResultsBucket="no-such-bucket")
    backfill(workflow)
    image: dict[str, Any] = {"key": key, "etag": "decided"}
    workflow.run(**image, filter_=returns(UNSURE))
    decide(workflow, image)
    assert recording(workflow)(image)["status"] == "SUCCEEDED"
    return [json.loads(line) for line in lines.read_text().splitlines()]


def test_both_implementations_agree_on_what_services_answered(records: list[dict[str, Any]]) -> None:
    asked = [{name: record[name] for name in ("expression", "bindings", "frozen")} for record in records]
    answers = run_script("jsonata_replay.cjs", {"frozen": FROZEN, "records": asked})
    different = [
        (record["expression"], outcome_of(record), outcome_of(answer))
        for record, answer in zip(records, answers, strict=True)
        if outcome_of(record) != outcome_of(answer)
    ]
    assert different == []


def test_no_expression_failed_while_the_workflows_ran(records: list[dict[str, Any]]) -> None:
    assert len(records) > 200
    assert [(record["expression"], record["error"]) for record in records if "error" in record] == []


def test_listings_and_executions_of_the_backfill_are_among_them(records: list[dict[str, Any]]) -> None:
    inputs = [record["bindings"]["states"].get("input") or {} for record in records]
    items = [given["object"] for given in inputs if "object" in given]
    results = [record["bindings"]["states"].get("result") or {} for record in records]
    assert {"Key", "Size"} <= items[0].keys()
    assert any(
        "Output" in result and "ExecutionArn" in result for result in results if isinstance(result, dict)
    )


def outcome_of(answer: dict[str, Any]) -> str:
    return "an error" if "error" in answer else canonical(answer["value"])


def backfill(workflow: Workflow) -> None:
    """Run the backfill on three objects. Their images fail, because the functions have no script for them."""
    s3, machines = workflow.client("s3"), workflow.client("stepfunctions")
    s3.create_bucket(Bucket="images")
    for key in ("incoming/a.jpg", "incoming/100% + \U0001f6b2.jpg", "incoming/folder/"):
        s3.put_object(Bucket="images", Key=key, Body=b"" if key.endswith("/") else b"image")
    role = "arn:aws:iam::000000000000:role/workflow"

    def create(name: str, file: str, kind: str, **names: str) -> str:
        values = workflow.names | names
        definition = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text_of(file))
        made = machines.create_state_machine(name=name, definition=definition, roleArn=role, type=kind)
        return str(made["stateMachineArn"])

    express = create("express", "classify_image.asl.json", "EXPRESS")
    machine = create("backfill", "backfill.asl.json", "STANDARD", ClassifyImageExpress=express)
    given = {
        "bucket": "images",
        "prefix": "incoming/",
        "max_concurrency": 2,
        "tolerated_failure_percentage": 100,
    }
    started = machines.start_execution(stateMachineArn=machine, input=json.dumps(given))
    ended = workflow._wait(machines, started["executionArn"])
    assert ended["status"] == "SUCCEEDED", ended.get("cause")
