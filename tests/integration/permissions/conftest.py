"""One local cloud with IAM enforced for all tests of permissions, and no wait between a workflow's attempts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.integration.conftest import LocalCloud, Shell, ports

REVIEWER, OPERATOR = "reviewer@example.com", "operator@example.com"
# boto3 puts "sync-" before the host of start_sync_execution otherwise.
CONFIG = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})


@pytest.fixture(scope="package")
def guarded(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")
        patch.setenv("SFN_WAIT_SCALE", "0")
        shell = Shell(root, tmp_path_factory.mktemp("guarded") / "state")
        people = ("--parameter", f"ReviewEmail={REVIEWER}", "--parameter", f"AlertEmail={OPERATOR}")
        started = shell.run("up", "--detach", *ports(), *people)
        assert started.returncode == 0, started.stderr
        url = json.loads((shell.state / "cloud.json").read_text())["endpoint_url"]
        session = boto3.Session("test", "test", region_name="us-east-1")

        def client(service: str) -> Any:
            return session.client(service, endpoint_url=url, config=CONFIG)

        try:
            (stack,) = client("cloudformation").describe_stacks(StackName="scones")["Stacks"]
            outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
            yield LocalCloud(shell, client, outputs)
        finally:
            stopped = shell.run("down")
            for process in shell.processes():
                process.kill()
            assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(scope="package")
def uploader(guarded: LocalCloud) -> Any:
    """Clients of a user who has the stack's policy for uploaders and nothing else."""
    iam = guarded.client("iam")
    iam.create_user(UserName="uploader")
    iam.attach_user_policy(UserName="uploader", PolicyArn=guarded.outputs["UploaderPolicyArn"])
    key = iam.create_access_key(UserName="uploader")["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
    url = iam.meta.endpoint_url

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=url)

    return client
