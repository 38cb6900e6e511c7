"""Releases are deployed over images in flight and rolled back when they fail themselves: no image is lost."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scones.local.address import Address, tool_environment
from tests.chaos.scenarios import Begin, Finish
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults
from tests.local_cloud.scenario import Scenario, picture
from tests.local_cloud.shell import wait_until
from tests.local_cloud.table import Row

pytestmark = pytest.mark.local_cloud

TIMEOUT_S = 180
SOURCES = ("statemachine", "functions", "intake", "review", "recovery", "monitoring", ".aws-sam/build")
NEW_STATE, NEW_LABEL = "New in this release", " of the new release"
PAUSE_S = 0.25

# Appended to a function's code as it was built.
NEW_CODE = f"""
decide = handler
def handler(event, context):
    verdict = decide(event, context)
    return verdict | {{"label": verdict["label"] + {NEW_LABEL!r}}}
"""
BROKEN_CODE = """
def handler(event, context):
    raise RuntimeError("this release is broken")
"""

type Change = Callable[..., Path]


@pytest.fixture
def change(root: Path, tmp_path: Path) -> Change:
    """Copy the project as it was built and make a release of it: other code of functions, a state more."""

    def make_release(digest: str, code: dict[str, str] | None = None, state: str | None = None) -> Path:
        project = tmp_path / digest
        for source in SOURCES:
            shutil.copytree(root / source, project / source)
        shutil.copy(root / "samconfig.yaml", project)
        template = project / ".aws-sam" / "build" / "template.yaml"
        text, count = re.subn(r"(?m)^( +Digest: )\w+$", rf"\g<1>{digest}", template.read_text())
        assert count == 1
        # Nine of ten images take the new release, so that twenty arrive quickly.
        text, count = re.subn(r"(?m)^( +- )10$", r"\g<1>90", text)
        assert count == 1
        template.write_text(text)
        for function, addition in (code or {}).items():
            app = project / ".aws-sam" / "build" / function / function.lower() / "app.py"
            app.write_text(app.read_text() + addition)
        if state:
            path = project / "statemachine" / "classify_image.asl.json"
            workflow = json.loads(path.read_text())
            workflow["States"][state] = {"Type": "Pass", "Next": workflow["StartAt"]}
            path.write_text(json.dumps(workflow | {"StartAt": state}))
        return project

    return make_release


def deploy(cloud: LocalCloud, project: Path, *parameters: str) -> subprocess.CompletedProcess[str]:
    """Run `sam deploy`; what it is not told stays as it was."""
    port = urlsplit(cloud.url).port or 0
    environment = tool_environment(Address("127.0.0.1", port, 0)) | {"SAM_CLI_POLL_DELAY": "0.1"}
    command: list[str | Path] = [Path(sys.executable).parent / "sam", "deploy", "--config-env", "local"]
    command += ["--parameter-overrides", *parameters] if parameters else []
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@contextmanager
def traffic(scenario: Scenario, at_once: int = 1) -> Iterator[None]:
    """Drop images all the time."""
    over = threading.Event()

    def drop() -> None:
        numbers = itertools.count()
        while not over.wait(PAUSE_S):
            names = [f"incoming/{scenario.folder}/during/{next(numbers):05}.png" for _ in range(at_once)]
            scenario.images += scenario.cloud.put_all({name: picture() for name in names})

    dropping = threading.Thread(target=drop)
    dropping.start()
    try:
        yield
    finally:
        over.set()
        dropping.join()


def live(cloud: LocalCloud) -> str:
    """Return the version of the workflow that new images take."""
    states, alias = cloud.client("stepfunctions"), cloud.outputs["WorkflowAliasArn"]
    (route,) = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
    return str(route["stateMachineVersionArn"])


def took(cloud: LocalCloud, execution: str, state: str) -> bool:
    """Whether an execution has begun with this state."""
    states = cloud.client("stepfunctions")
    history = states.get_execution_history(executionArn=execution, maxResults=10)["events"]
    return any(event.get("stateEnteredEventDetails", {}).get("name") == state for event in history)


def labels(cloud: LocalCloud, scenario: Scenario) -> set[str]:
    """Return the labels of the scenario's documents."""
    s3, bucket = cloud.client("s3"), cloud.outputs["ResultsBucketName"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    keys = [
        item["Key"] for page in pages for item in page.get("Contents", []) if scenario.folder in item["Key"]
    ]
    return {json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())["label"] for key in keys}


def release_alarms(cloud: LocalCloud) -> dict[str, str]:
    """Return the state of each release's alarm, by its digest."""
    pages = cloud.client("cloudwatch").get_paginator("describe_alarms").paginate()
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"] if "-release-" in alarm["AlarmName"]]
    return {one["AlarmName"].partition("-release-")[2].partition("-")[0]: one["StateValue"] for one in alarms}


def checked(scenario: Scenario, seconds: float) -> Row:
    row = scenario.row(seconds)
    row.require(row.died == 0, f"{row.died} executions died")
    return row


def test_an_execution_ends_with_the_release_it_began_with(
    cloud: LocalCloud, change: Change, begin: Begin, finish: Finish
) -> None:
    scenario = begin(cloud, "release deployed over images in flight")
    before, old = cloud.execution_arns("RUNNING", "SUCCEEDED"), live(cloud)
    with endpoint_faults(cloud, "gone"):
        scenario.drop(20)
        wait_until(lambda: len(cloud.execution_arns("RUNNING")) >= 20, "fewer than 20 executions", TIMEOUT_S)
        in_flight = cloud.execution_arns("RUNNING")
        project = change("r000000000001", {"Filter": NEW_CODE}, NEW_STATE)
        done = deploy(cloud, project, "CanaryMinutes=0")
        assert done.returncode == 0, done.stdout + done.stderr
        assert cloud.execution_arns("RUNNING") == in_flight
    seconds = scenario.wait(TIMEOUT_S)

    assert live(cloud) != old
    assert not any(took(cloud, execution, NEW_STATE) for execution in in_flight)
    assert not any(label.endswith(NEW_LABEL) for label in labels(cloud, scenario))
    row = checked(scenario, seconds)
    row.require(row.failed == 0, f"{row.failed} images failed")
    finish(row)

    after = begin(cloud, "images after the deploy")
    after.drop(5)
    after.wait(TIMEOUT_S)
    newest = cloud.execution_arns("SUCCEEDED") - before - in_flight
    assert len(newest) == 5
    assert all(took(cloud, execution, NEW_STATE) for execution in newest)
    assert all(label.endswith(NEW_LABEL) for label in labels(cloud, after))


def test_failures_of_the_old_release_do_not_roll_back_the_deploy_of_the_fix(
    cloud: LocalCloud, change: Change, begin: Begin, finish: Finish
) -> None:
    old = live(cloud)
    scenario = begin(cloud, "fix deployed while the old release fails")
    with endpoint_faults(cloud, "garbage"):
        scenario.drop(25)
        scenario.wait_for_results(25, TIMEOUT_S)  # the alarm fires before the last of them
        wait_until(
            lambda: "ALARM" in release_alarms(cloud).values(),
            "the old release's alarm does not fire",
            TIMEOUT_S,
        )

    with traffic(scenario):
        done = deploy(cloud, change("r000000000002"), "CanaryMinutes=10")

    assert done.returncode == 0, done.stdout + done.stderr
    assert live(cloud) != old
    assert release_alarms(cloud) == {"r000000000002": "OK"}
    row = checked(scenario, scenario.wait(TIMEOUT_S))
    row.require(row.failed == 25, f"{row.failed} images failed, not 25")
    finish(row)


def test_a_release_that_fails_is_rolled_back(
    cloud: LocalCloud, change: Change, begin: Begin, finish: Finish
) -> None:
    old = live(cloud)
    scenario = begin(cloud, "broken release deployed under traffic")

    with traffic(scenario, at_once=4):
        done = deploy(cloud, change("r000000000003", {"Serialize": BROKEN_CODE}), "CanaryMinutes=10")

    assert done.returncode != 0
    events = cloud.client("cloudformation").describe_stack_events(StackName="scones")["StackEvents"]
    reasons = [event.get("ResourceStatusReason", "") for event in events]
    assert any(re.search(r"release-r000000000003-\d+-0 is in ALARM", reason) for reason in reasons)
    assert live(cloud) == old
    row = checked(scenario, scenario.wait(TIMEOUT_S))
    row.require(row.failed >= 20, f"only {row.failed} images failed")
    finish(row)

    after = begin(cloud, "images after a deploy that was rolled back")
    after.drop(5)
    row = checked(after, after.wait(TIMEOUT_S))
    row.require(row.failed == 0, f"{row.failed} images failed")
    finish(row)
