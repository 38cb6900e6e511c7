"""A stack is taken down with all it made, and with nothing else."""

import json

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import without_capacity
from tests.local_cloud.leftovers import everything
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

STACK = "scones"


@pytest.mark.local_cloud
@pytest.mark.last_of_the_shared_cloud
def test_destroy_leaves_nothing(shared_cloud: LocalCloud) -> None:
    """Everything of the stack has its name in its own; what is left was made by the tests before."""
    cloud = shared_cloud
    before = everything(cloud)
    assert [kind for kind, names in before.items() if not any(STACK in name for name in names)] == []
    assert cloud.shell.run("drop", "events/images").returncode == 0
    # A document is there a moment before its execution ends, which would count as running otherwise.
    cloud.wait_until_idle(0)
    with without_capacity(cloud):
        cloud.put("incoming/waits for capacity.png", picture("waits"))
        wait_until(lambda: len(cloud.executions("RUNNING")) == 1, "the image was not started")
        (waiting,) = cloud.execution_arns("RUNNING")
        # Once refused it retries for hours; before that it may still fail, and would not be there to be stopped.
        refused = "Lambda.TooManyRequestsException"
        wait_until(
            lambda: refused in cloud.failed_attempts(waiting),
            lambda: f"Classify was not refused: {cloud.failed_attempts(waiting)}",
        )
        listed = cloud.shell.run("destroy", "--dry-run", "--json")
        described = cloud.client("stepfunctions").describe_execution(executionArn=waiting)
        assert described["status"] == "RUNNING", (described, cloud.failed_attempts(waiting))
        destroyed = cloud.shell.run("destroy", "--yes", "--json")

    contents = json.loads(listed.stdout)["contents"]
    assert all(bucket["versions"] > 5 for bucket in contents["buckets"])
    assert contents["running_executions"] == 1
    assert destroyed.returncode == 0, destroyed.stderr
    report = json.loads(destroyed.stdout)
    assert (report["complete"], report["kept"], report["remaining"]) == (True, [], [])
    assert report["done"][0].endswith("rules disabled, 1 execution stopped")
    # One rule is named after the release and the stack's id: a stack's name may be too long for a rule's.
    others = {
        kind: [name for name in names if STACK not in name and not name.startswith("died-r")]
        for kind, names in before.items()
    }
    assert everything(cloud) == others
    again = cloud.shell.run("destroy", "--yes")
    assert again.returncode == 2
    assert f"the local cloud has no stack named {STACK}" in again.stderr
