"""A changed workflow is deployed over images in flight, and taken back when an alarm rings: no image is lost."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scones.local.address import Address, tool_environment
from tests.chaos.conftest import Begin, Finish
from tests.chaos.local import Cloud

pytestmark = pytest.mark.local_cloud

TIMEOUT_S = 120
SOURCES = ("statemachine", "functions", "monitoring", ".aws-sam/build")
KEPT, TAKEN_BACK = "New in this version", "New in a version that is taken back"

type Change = Callable[[str], Path]


@pytest.fixture
def change(root: Path, tmp_path: Path) -> Change:
    """Copy the project as it was built, with one more state of this name in the workflow."""

    def with_state(name: str) -> Path:
        for source in SOURCES:
            shutil.copytree(root / source, tmp_path / source)
        shutil.copy(root / "samconfig.toml", tmp_path)
        path = tmp_path / "statemachine" / "classify_image.asl.json"
        workflow = json.loads(path.read_text())
        workflow["States"][name] = {"Type": "Pass", "Next": workflow["StartAt"]}
        path.write_text(json.dumps(workflow | {"StartAt": name}))
        return tmp_path

    return with_state


def deploy(cloud: Cloud, project: Path) -> subprocess.CompletedProcess[str]:
    """Run `sam deploy`; what it is not told stays as it was."""
    port = urlsplit(cloud.state.endpoint_url).port or 0
    environment = tool_environment(Address("127.0.0.1", port, 0)) | {"SAM_CLI_POLL_DELAY": "0.1"}
    command = [Path(sys.executable).parent / "sam", "deploy", "--config-env", "local"]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


def live(cloud: Cloud) -> str:
    """Return the version of the workflow that new images take."""
    states, alias = cloud.stack.client("stepfunctions"), cloud.stack.outputs["WorkflowAliasArn"]
    (route,) = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
    return str(route["stateMachineVersionArn"])


def took(cloud: Cloud, execution: str, state: str) -> bool:
    """Say whether an execution has begun with this state."""
    states = cloud.stack.client("stepfunctions")
    history = states.get_execution_history(executionArn=execution, maxResults=10)["events"]
    return any(event.get("stateEnteredEventDetails", {}).get("name") == state for event in history)


def ring(cloud: Cloud) -> None:
    """Let the alarm on failed outcomes ring for a minute."""
    cloudwatch = cloud.stack.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    (alarm,) = [alarm for alarm in alarms if alarm["MetricName"] == "Failed"]
    datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Value": 1}
    cloudwatch.put_metric_data(Namespace=alarm["Namespace"], MetricData=[datum])
    deadline, name = time.monotonic() + 30, [alarm["AlarmName"]]
    while cloudwatch.describe_alarms(AlarmNames=name)["MetricAlarms"][0]["StateValue"] != "ALARM":
        assert time.monotonic() < deadline, "the alarm does not ring"
        time.sleep(0.2)


def test_a_deploy_loses_no_image_in_flight(
    cloud: Cloud, change: Change, begin: Begin, finish: Finish
) -> None:
    scenario = begin(cloud, "workflow deployed over images in flight")
    before, old = cloud.stack.executions("RUNNING", "SUCCEEDED"), live(cloud)
    with cloud.faults("gone"):
        scenario.drop(20)
        deadline = time.monotonic() + TIMEOUT_S
        while len(in_flight := cloud.stack.executions("RUNNING")) < 20:
            assert time.monotonic() < deadline, f"{len(in_flight)} of 20 executions"
            time.sleep(0.1)
        done = deploy(cloud, change(KEPT))
        assert done.returncode == 0, done.stdout + done.stderr
        assert cloud.stack.executions("RUNNING") == in_flight
    seconds = scenario.wait(TIMEOUT_S)

    assert live(cloud) != old
    assert not any(took(cloud, execution, KEPT) for execution in in_flight)
    row = scenario.row(seconds)
    row.require(row.died == 0, f"{row.died} executions died")
    row.require(row.failed == 0, f"{row.failed} images failed")
    finish(row)

    after = begin(cloud, "images after the deploy")
    after.drop(5)
    after.wait(TIMEOUT_S)
    newest = cloud.stack.executions("SUCCEEDED") - before - in_flight
    assert len(newest) == 5
    assert all(took(cloud, execution, KEPT) for execution in newest)


def test_an_alarm_takes_a_deploy_back(cloud: Cloud, change: Change, begin: Begin, finish: Finish) -> None:
    before, old = cloud.stack.executions("RUNNING", "SUCCEEDED"), live(cloud)
    ring(cloud)

    done = deploy(cloud, change(TAKEN_BACK))

    assert done.returncode != 0
    events = cloud.stack.client("cloudformation").describe_stack_events(StackName="scones")["StackEvents"]
    assert [event for event in events if "is in ALARM" in event.get("ResourceStatusReason", "")]
    assert live(cloud) == old
    scenario = begin(cloud, "images after a deploy that was taken back")
    scenario.drop(5)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    newest = cloud.stack.executions("SUCCEEDED") - before
    assert len(newest) == 5
    assert not any(took(cloud, execution, TAKEN_BACK) for execution in newest)
    finish(row)
