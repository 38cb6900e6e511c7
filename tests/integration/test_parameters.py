"""The template's parameters reach what they are about."""

import json

import pytest

from tests.integration.conftest import Shell, ports

pytestmark = pytest.mark.local_cloud


def test_an_express_workflow_with_other_labels_and_threshold(shell: Shell) -> None:
    parameters = (
        "WorkflowType=EXPRESS",
        "Labels=pedal power,motor",
        "ConfidenceThreshold=1",
        "EndpointName=other",
    )
    options = [option for parameter in parameters for option in ("--parameter", parameter)]
    up = shell.run("up", "--detach", *ports(), *options)
    assert up.returncode == 0, up.stderr

    dropped = shell.run("drop", "events/images/bicycle.jpg", "--json")
    results = shell.run("results", "--json")
    down = shell.run("down")

    assert dropped.returncode == 0, dropped.stderr
    (image,) = json.loads(dropped.stdout)["images"]
    assert (image["outcome"], image["label"]) == ("review", "pedal power")
    (document,) = json.loads(results.stdout)
    assert document["labels"] == ["pedal power", "motor"]
    assert document["threshold"] == 1
    assert document["endpoint"]["name"] == "other"
    assert down.returncode == 0
    assert shell.processes() == []
