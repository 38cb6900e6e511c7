"""A changed workflow is deployed over images in flight: they end as they began, and the next ones take the new one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scones.local.address import Address, tool_environment
from tests.chaos.conftest import Begin, Finish
from tests.chaos.local import Cloud

pytestmark = pytest.mark.local_cloud

TIMEOUT_S = 120
NEW_STATE = "New in this version"


@pytest.fixture
def changed(root: Path, tmp_path: Path) -> Path:
    """The project as it was built, with one more state in the workflow."""
    shutil.copytree(root / ".aws-sam" / "build", tmp_path / ".aws-sam" / "build")
    for name in ("statemachine", "functions"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copy(root / "samconfig.toml", tmp_path)
    path = tmp_path / "statemachine" / "classify_image.asl.json"
    workflow = json.loads(path.read_text())
    workflow["States"][NEW_STATE] = {"Type": "Pass", "Next": workflow["StartAt"]}
    path.write_text(json.dumps(workflow | {"StartAt": NEW_STATE}))
    return tmp_path


def deploy(cloud: Cloud, project: Path) -> None:
    """Run `sam deploy`; what it is not told stays as it was."""
    port = urlsplit(cloud.state.endpoint_url).port or 0
    environment = tool_environment(Address("127.0.0.1", port, 0)) | {"SAM_CLI_POLL_DELAY": "0.1"}
    sam = Path(sys.executable).parent / "sam"
    command = [sam, "deploy", "--config-env", "local"]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_deploy_loses_no_image_in_flight(cloud: Cloud, changed: Path, begin: Begin, finish: Finish) -> None:
    states = cloud.stack.client("stepfunctions")
    alias = cloud.stack.outputs["WorkflowAliasArn"]

    def live() -> str:
        (route,) = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
        return str(route["stateMachineVersionArn"])

    def took_new_state(execution: str) -> bool:
        history = states.get_execution_history(executionArn=execution, maxResults=10)["events"]
        return any(event.get("stateEnteredEventDetails", {}).get("name") == NEW_STATE for event in history)

    scenario = begin(cloud, "workflow deployed over images in flight")
    before, old = cloud.stack.executions("RUNNING", "SUCCEEDED"), live()
    with cloud.faults("gone"):
        scenario.drop(20)
        deadline = time.monotonic() + TIMEOUT_S
        while len(in_flight := cloud.stack.executions("RUNNING")) < 20:
            assert time.monotonic() < deadline, f"{len(in_flight)} of 20 executions"
            time.sleep(0.1)
        deploy(cloud, changed)
        assert cloud.stack.executions("RUNNING") == in_flight
    seconds = scenario.wait(TIMEOUT_S)

    assert live() != old
    assert not any(took_new_state(execution) for execution in in_flight)
    row = scenario.row(seconds)
    row.require(row.died == 0, f"{row.died} executions died")
    row.require(row.failed == 0, f"{row.failed} images failed")
    finish(row)

    after = begin(cloud, "images after the deploy")
    after.drop(5)
    after.wait(TIMEOUT_S)
    newest = cloud.stack.executions("SUCCEEDED") - before - in_flight
    assert len(newest) == 5
    assert all(took_new_state(execution) for execution in newest)
