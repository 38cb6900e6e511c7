"""`scones doctor` on a local cloud: well, with its rule disabled, and with an endpoint that fails."""

import json
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults

pytestmark = pytest.mark.local_cloud


def examine(cloud: LocalCloud, *options: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code and the checks by name; of several with one name the last."""
    run = cloud.shell.run("doctor", "--json", *options)
    assert run.stdout, run.stderr
    document = json.loads(run.stdout)
    return run.returncode, {check["name"]: check for check in document["checks"]}


def test_a_healthy_cloud_is_ok_throughout(cloud: LocalCloud) -> None:
    code, checks = examine(cloud)

    assert code == 0
    # Alarms may still be in ALARM because of what an earlier module did on purpose.
    assert {name: check["message"] for name, check in checks.items() if check["level"] != "ok"}.keys() <= {
        "alarms"
    }
    assert "2 probabilities for 2 labels" in checks["endpoint's answer"]["message"]
    assert "model version" in checks["endpoint's answer"]["message"]
    _, _, rules = checks["rules"]["message"].partition(": ")
    assert set(rules.split(", ")) == {
        "ImageDropped",
        "ExecutionDied",
        "ReleaseExecutionDied",
        "SweepSchedule",
        "BreakerSchedule",
    }


def test_a_disabled_rule_is_broken_and_the_next_step_is_a_command(cloud: LocalCloud) -> None:
    with cloud.rule_disabled():
        code, checks = examine(cloud)

    assert code == 1
    assert checks["rules"]["level"] == "broken"
    assert "ImageDropped is disabled" in checks["rules"]["message"]
    assert "aws events enable-rule --name " in checks["rules"]["next_step"]
    assert examine(cloud)[1]["rules"]["level"] == "ok"


@pytest.mark.parametrize("kind", ["unavailable", "nan", "wrong-length", "cut", "deleted", "gone"])
def test_an_endpoint_that_fails_is_broken(cloud: LocalCloud, kind: str) -> None:
    with endpoint_faults(cloud, kind):
        code, checks = examine(cloud)

    assert code == 1
    assert checks["endpoint's answer"]["level"] == "broken"
    assert checks["endpoint's answer"]["next_step"]


def test_an_endpoint_that_is_not_asked_is_not_mentioned(cloud: LocalCloud) -> None:
    assert "endpoint's answer" not in examine(cloud, "--no-invoke")[1]


def test_an_image_that_waits_in_the_queue_is_a_warning(cloud: LocalCloud) -> None:
    queue = cloud.outputs["FailedImagesQueueUrl"]
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    try:
        code, checks = examine(cloud)
        strict, _ = examine(cloud, "--strict")
    finally:
        cloud.client("sqs").purge_queue(QueueUrl=queue)

    assert (code, strict) == (0, 1)
    assert checks["failed images"]["message"].startswith("1 image waits")
    assert "scones redrive" in checks["failed images"]["next_step"]
