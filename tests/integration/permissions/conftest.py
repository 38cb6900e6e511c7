"""One local cloud with IAM enforced for all tests of permissions, and no wait between a workflow's attempts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from scones.connection import Connection
from scones.decisions.reviewer import Reviewer
from scones.stack import read_stack
from tests.integration.permissions.people import OPERATOR, REVIEWER
from tests.local_cloud.cloud import LocalCloud, open_cloud, parameters
from tests.local_cloud.shell import Shell
from tests.local_cloud.wrong_audits import PROMISED

# One attempt: a refusal is refused once. boto3 puts "sync-" before the host of start_sync_execution otherwise.
CONFIG = Config(inject_host_prefix=False, retries={"total_max_attempts": 1})


@pytest.fixture(scope="package")
def guarded(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTH", "true")
        patch.setenv("SFN_WAIT_SCALE", "0")
        shell = Shell(root, tmp_path_factory.mktemp("guarded") / "state")
        given = parameters(
            f"ReviewEmail={REVIEWER}",
            f"AlertEmail={OPERATOR}",
            f"PromisedError={PROMISED}",
            "WatchAction=review",
        )
        with open_cloud(shell, *given, config=CONFIG) as cloud:
            yield cloud


@pytest.fixture(scope="package")
def uploader(guarded: LocalCloud) -> Any:
    """Clients of a user who has the stack's policy for uploaders and nothing else."""
    session = _session_of(guarded, "uploader", "UploaderPolicyArn")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=guarded.url)  # type: ignore[call-overload]

    return client


@pytest.fixture(scope="package")
def reviewer(guarded: LocalCloud) -> Reviewer:
    """A session of a user who has the stack's policy for reviewers and nothing else."""
    session = _session_of(guarded, "reviewer", "ReviewerPolicyArn")
    connection = Connection(session, "scones", endpoint_url=guarded.url)
    return Reviewer(connection, read_stack(connection))


def _session_of(cloud: LocalCloud, user: str, policy: str) -> boto3.Session:
    iam = cloud.client("iam")
    iam.create_user(UserName=user)
    iam.attach_user_policy(UserName=user, PolicyArn=cloud.outputs[policy])
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name="us-east-1")
