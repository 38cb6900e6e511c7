"""`sam deploy` by a user: guided, in a terminal, and over a stack of the release before."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from scones.local.address import Address, tool_environment
from scones.local.sam import SOURCES

pytestmark = [pytest.mark.slow, pytest.mark.local_cloud]

TIMEOUT_S = 240
# More than SAM asks: it asks for the same value again and again when Enter is not an answer.
MOST_QUESTIONS = 80
LAST_UNSPLIT = "59c66514"
# Each release has its own.
OF_A_RELEASE = {
    "AWS::Lambda::Version",
    "AWS::StepFunctions::StateMachineVersion",
    "AWS::AppConfig::HostedConfigurationVersion",
}
# The last line on the screen is a question when it has no end and ends like this.
QUESTION = re.compile(r"[^\n]*: $")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def environment(emulated_aws: Address, tmp_path: Path) -> dict[str, str]:
    return tool_environment(emulated_aws) | {
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.1",
        "__SAM_CLI_APP_DIR": str(tmp_path / "sam"),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }


@pytest.fixture
def project(root: Path, tmp_path: Path, environment: dict[str, str]) -> Path:
    """A clone of the project as it stands."""
    project = tmp_path / "project"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if name.startswith((*SOURCES, ".gitignore")) and (root / name).is_file():
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, project / name)
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (
        ["git", "init", "--quiet"],
        ["git", "add", "--all"],
        ["git", *identity, "commit", "--quiet", "--message", "clone"],
    ):
        subprocess.run(command, cwd=project, env=environment, check=True)
    return project


@pytest.fixture
def project_before(root: Path, tmp_path: Path) -> Path:
    """The release before the template was split."""
    project = tmp_path / "before"
    project.mkdir()
    archive = subprocess.run(["git", "archive", LAST_UNSPLIT], cwd=root, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.skip(f"needs the history of the repository, back to commit {LAST_UNSPLIT}")
    subprocess.run(["tar", "--extract"], cwd=project, input=archive.stdout, check=True)
    return project


@pytest.fixture
def formation(emulated_aws: Address) -> Iterator[Any]:
    client = boto3.client(
        "cloudformation",
        endpoint_url=emulated_aws.aws_url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    yield client
    for stack in ("scones", "updated"):
        client.delete_stack(StackName=stack)
    client.close()


def press_enter_through(command: list[str], cwd: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Run a command in a terminal and press Enter whenever it asks; return its exit status and its screen."""
    screen, questions = "", 0
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    deadline = time.monotonic() + TIMEOUT_S
    try:
        while True:
            assert time.monotonic() < deadline, screen
            if select.select([ours], [], [], 0.05)[0]:
                try:
                    screen += os.read(ours, 65536).decode(errors="replace").replace("\r\n", "\n")
                except OSError:  # Linux's way to say that the other side has closed
                    return process.wait(60), screen
            elif QUESTION.search(STYLE.sub("", screen)):
                questions += 1
                assert questions <= MOST_QUESTIONS, screen[-2000:]
                os.write(ours, b"\n")
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def test_enter_at_every_question_makes_a_stack_and_changes_no_tracked_file(
    project: Path, environment: dict[str, str], formation: Any
) -> None:
    subprocess.run(["sam", "build"], cwd=project, env=environment, check=True, capture_output=True)
    status, screen = press_enter_through(["sam", "deploy", "--guided"], project, environment)

    assert status == 0, screen[-3000:]
    (stack,) = formation.describe_stacks(StackName="scones")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"] for output in stack["Outputs"]}
    assert {"ImageBucketName", "WorkflowArn"} <= outputs
    changed = subprocess.run(
        ["git", "status", "--porcelain"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert changed.stdout == ""

    # Its answers are what the next deploy takes.
    again = subprocess.run(
        ["sam", "deploy", "--no-fail-on-empty-changeset"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert "samconfig.toml" in {path.name for path in project.iterdir()}
    assert re.search(r"EndpointName.*scones-image-classifier", again.stdout), again.stdout


def deploy(project: Path, environment: dict[str, str], *parameters: str) -> None:
    """Deploy a stack without a question, its functions unbuilt: none is invoked, and a build takes most of the time."""
    options = ["--stack-name", "updated", "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
    done = subprocess.run(
        [
            "sam",
            "deploy",
            "--no-confirm-changeset",
            "--parameter-overrides",
            "CanaryMinutes=0",
            *parameters,
            *options,
        ],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


def resources_of(formation: Any, stack: str) -> dict[str, tuple[str, str]]:
    """Return type and physical id of each resource of a stack, nested stacks left closed."""
    pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        one["LogicalResourceId"]: (one["ResourceType"], one["PhysicalResourceId"])
        for page in pages
        for one in page["StackResourceSummaries"]
        if one["ResourceStatus"] != "DELETE_COMPLETE" and "PhysicalResourceId" in one
    }


def test_an_update_of_the_release_before_keeps_all_that_holds_something(
    project: Path, project_before: Path, environment: dict[str, str], emulated_aws: Address, formation: Any
) -> None:
    deploy(project_before, environment)
    before = resources_of(formation, "updated")
    session = boto3.Session("test", "test", region_name="us-east-1")
    s3 = session.client("s3", endpoint_url=emulated_aws.aws_url)
    sns = session.client("sns", endpoint_url=emulated_aws.aws_url)
    sqs = session.client("sqs", endpoint_url=emulated_aws.aws_url)
    _, images = before["ImageBucket"]
    s3.put_object(Bucket=images, Key="elsewhere/kept", Body=b"kept")
    url = sqs.create_queue(QueueName="follows-alerts")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    _, alerts = before["AlertTopic"]
    sns.subscribe(TopicArn=alerts, Protocol="sqs", Endpoint=arn)

    deploy(project, environment, "AuditShare=0")  # its table gets one index in an update, and then the next
    deploy(project, environment, "AuditShare=0.02")

    after = resources_of(formation, "updated")
    moved = resources_of(formation, after["Recovery"][1]) | resources_of(formation, after["Intake"][1])
    stayed = {name: one for name, one in before.items() if one[0] not in OF_A_RELEASE and name not in moved}
    assert {name: after.get(name) for name in stayed} == stayed
    lost = {name for name, one in before.items() if one[0] not in OF_A_RELEASE} - after.keys()
    assert lost == before.keys() & moved.keys()
    assert {"ImageDropped", "Sweep"} <= lost
    assert {one for _, one in moved.values()} & {one for _, one in before.values()} == set()
    assert s3.get_object(Bucket=images, Key="elsewhere/kept")["Body"].read() == b"kept"
    followers = sns.list_subscriptions_by_topic(TopicArn=alerts)["Subscriptions"]
    assert arn in {one["Endpoint"] for one in followers}
