"""A local cloud as a user has it: started by `scones up` on free ports, with everything real in it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from tests.conftest import free_address

UP_TIMEOUT_S = 240


@dataclass(frozen=True)
class Shell:
    """Runs `scones` with a state folder of its own, and finds every process that came of it."""

    root: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SCONES_STATE_DIR": str(self.state), "COLUMNS": "200"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "scones", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=UP_TIMEOUT_S,
            check=False,
        )

    def processes(self) -> list[psutil.Process]:
        """Return every living process that inherited this shell's state folder, this one excepted."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("SCONES_STATE_DIR") == str(self.state):
                    found.append(process)
            except psutil.Error:
                continue
        return [process for process in found if process.pid != os.getpid()]


@pytest.fixture
def shell(root: Path, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(root, tmp_path / "state")
    yield shell
    for process in shell.processes():
        process.kill()


def ports() -> list[str]:
    address = free_address()
    return ["--port", str(address.aws_port), "--endpoint-port", str(address.endpoint_port)]


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud and its stack's outputs."""

    shell: Shell
    client: Callable[[str], Any]
    outputs: dict[str, str]
    earlier: frozenset[str] = frozenset()

    def put(self, key: str, body: bytes) -> str:
        answer = self.client("s3").put_object(Bucket=self.outputs["ImageBucketName"], Key=key, Body=body)
        return str(answer["ETag"]).strip('"')

    def documents(self) -> dict[str, dict[str, Any]]:
        s3, bucket = self.client("s3"), self.outputs["ResultsBucketName"]
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
        return {key: json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) for key in keys}

    def executions(self) -> list[dict[str, Any]]:
        """Return the executions of the workflow, those of earlier tests excepted."""
        pages = self.client("stepfunctions").get_paginator("list_executions")
        listed = pages.paginate(stateMachineArn=self.outputs["WorkflowArn"])
        found = [execution for page in listed for execution in page["executions"]]
        return [execution for execution in found if execution["executionArn"] not in self.earlier]

    def wait_until_idle(self, executions: int, timeout_s: float = 120) -> None:
        """Wait until this many executions in all have ended."""
        deadline = time.monotonic() + timeout_s
        while True:
            statuses = [execution["status"] for execution in self.executions()]
            if len(statuses) >= executions and "RUNNING" not in statuses:
                return
            assert time.monotonic() < deadline, f"only {len(statuses)} of {executions} executions: {statuses}"
            time.sleep(0.1)

    @contextmanager
    def without_rule(self) -> Iterator[None]:
        """Switch the rule off: uploads start nothing."""
        events = self.client("events")
        rules = events.list_rules()["Rules"]
        (rule,) = [rule["Name"] for rule in rules if "Object Created" in rule.get("EventPattern", "")]
        events.disable_rule(Name=rule)
        try:
            yield
        finally:
            events.enable_rule(Name=rule)

    def emptied(self) -> "LocalCloud":
        """Return the same cloud as after its start: no image, result, claim or message, no execution to be seen."""
        self.wait_until_idle(0)
        s3 = self.client("s3")
        for bucket in (self.outputs["ImageBucketName"], self.outputs["ResultsBucketName"]):
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                for item in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                    s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])
        dynamodb, table = self.client("dynamodb"), self.outputs["ClaimsTableName"]
        for page in dynamodb.get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                key = {name: item[name] for name in ("image_key", "etag")}
                dynamodb.delete_item(TableName=table, Key=key)
        self.client("sqs").purge_queue(QueueUrl=self.outputs["FailedImagesQueueUrl"])
        earlier = self.earlier | {execution["executionArn"] for execution in self.executions()}
        return replace(self, earlier=earlier)


@contextmanager
def open_cloud(shell: Shell, *parameters: str) -> Iterator[LocalCloud]:
    """Hold a local cloud whose stack has these parameters, NAME=VALUE; nothing of it may be left at the end."""
    options = [option for parameter in parameters for option in ("--parameter", parameter)]
    started = shell.run("up", "--detach", *ports(), *options)
    assert started.returncode == 0, started.stderr
    try:
        url = json.loads((shell.state / "cloud.json").read_text())["endpoint_url"]
        session = boto3.Session("test", "test", region_name="us-east-1")

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=url)

        (stack,) = client("cloudformation").describe_stacks(StackName="scones")["Stacks"]
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        yield LocalCloud(shell, client, outputs)
    finally:
        stopped = shell.run("down")
        left = shell.processes()
        for process in left:
            process.kill()
        assert stopped.returncode == 0, stopped.stderr
        assert left == []


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the test that destroys what modules share come after all of them."""
    items.sort(key=lambda item: item.get_closest_marker("last_of_the_shared_cloud") is not None)


@pytest.fixture(scope="session")
def shared_cloud(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The cloud that modules share: starting one takes longer than most of them."""
    with open_cloud(Shell(root, tmp_path_factory.mktemp("cloud") / "state")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def cloud(shared_cloud: LocalCloud) -> LocalCloud:
    """A cloud in which nothing has happened yet."""
    return shared_cloud.emptied()
