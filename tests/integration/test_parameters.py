"""The template's parameters reach what they are about."""

import json
from pathlib import Path

import pytest

from tests.fakes.models import stated
from tests.local_cloud.cloud import parameters
from tests.local_cloud.shell import Shell, ports

pytestmark = pytest.mark.local_cloud


def test_an_express_workflow_with_other_labels_and_threshold(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTH", "true")
    model = stated(tmp_path / "model.onnx", labels="pedal power,motor")
    options = parameters("WorkflowType=EXPRESS", "ConfidenceThreshold=1", "EndpointName=other")
    up = shell.run("up", "--detach", "--model", str(model), *ports(), *options)
    assert up.returncode == 0, up.stderr

    dropped = shell.run("drop", "events/images/bicycle.jpg", "--json")
    (document,) = shell.results(1)
    verified = shell.run("verify", "--json", "--failed", "--yes")
    counted = json.loads(shell.run("status", "--json").stdout)["outcomes"]
    down = shell.run("down")

    assert dropped.returncode == 0, dropped.stderr
    (image,) = json.loads(dropped.stdout)["images"]
    assert (image["outcome"], image["label"]) == ("review", "pedal power")
    assert document["labels"] == ["pedal power", "motor"]
    assert document["threshold"] == 1
    assert document["endpoint"]["name"] == "other"
    assert verified.returncode == 0, verified.stdout + verified.stderr
    report = json.loads(verified.stdout)
    assert (report["passed"], report["workflow_type"]) == (True, "EXPRESS")
    reviewed = [row["subject"] for row in report["checks"] if row["check"] == "review message"]
    assert reviewed == ["bicycle.png", "motorcycle.png", "scone.png"]  # nothing reaches a threshold of 1 here
    assert {row["check"] for row in report["checks"] if row["state"] == "not checked"} == {"trace id"}
    assert counted == {"passed": 0, "review": 1, "reviewed": 0, "rejected": 0, "failed": 0}
    assert down.returncode == 0
    assert shell.processes() == []


def test_the_endpoint_captures_what_it_is_asked(shell: Shell, tmp_path: Path) -> None:
    captured = tmp_path / "captured"
    up = shell.run("up", "--detach", "--capture", str(captured), *ports())
    assert up.returncode == 0, up.stderr

    dropped = shell.run("drop", "events/images/bicycle.jpg", "--json")
    shell.run("down")

    (image,) = json.loads(dropped.stdout)["images"]
    (file,) = captured.rglob("*.jsonl")
    (record,) = [json.loads(line) for line in file.read_text().splitlines()]
    assert file.relative_to(captured).parts[:2] == ("scones-image-classifier", "AllTraffic")
    assert record["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert max(json.loads(record["captureData"]["endpointOutput"]["data"])) == image["confidence"]
