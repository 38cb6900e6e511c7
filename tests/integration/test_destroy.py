"""A stack is taken down with all it made, and with nothing else."""

import json
import time

import pytest

from tests.integration.conftest import LocalCloud
from tests.integration.leftovers import everything
from tests.integration.pictures import picture

STACK = "scones"


@pytest.mark.last_of_the_shared_cloud
def test_destroy_leaves_nothing(shared_cloud: LocalCloud) -> None:
    """Everything of the stack has its name in its own; what is left was made by the tests before."""
    cloud = shared_cloud
    before = everything(cloud)
    assert [kind for kind, names in before.items() if not any(STACK in name for name in names)] == []
    assert cloud.shell.run("drop", "events/images").returncode == 0
    functions = cloud.client("lambda")
    (classify,) = [
        function["FunctionName"]
        for function in functions.list_functions()["Functions"]
        if "ENDPOINT_NAME" in function.get("Environment", {}).get("Variables", {})
    ]
    functions.put_function_concurrency(FunctionName=classify, ReservedConcurrentExecutions=0)
    cloud.put("incoming/waits for capacity.png", picture("waits"))
    deadline = time.monotonic() + 30
    while "RUNNING" not in [execution["status"] for execution in cloud.executions()]:
        assert time.monotonic() < deadline, "the image was not started"
        time.sleep(0.1)

    listed = cloud.shell.run("destroy", "--dry-run", "--json")
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
