"""Failed images are redriven after a fix: each result leaves `failed/`, each message its queue."""

import json
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults, without_capacity
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

pytestmark = pytest.mark.local_cloud


def documents_of(cloud: LocalCloud, below: str) -> dict[str, str]:
    """Return the result keys of images below a prefix, and their images."""
    return {
        key: document["image"]["key"]
        for key, document in cloud.documents().items()
        if document["image"]["key"].startswith(f"incoming/{below}")
    }


def waiting_messages(cloud: LocalCloud) -> int:
    attributes = cloud.client("sqs").get_queue_attributes(
        QueueUrl=cloud.outputs["FailedImagesQueueUrl"], AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def redrive(cloud: LocalCloud, *arguments: str) -> tuple[int, dict[str, Any]]:
    ended = cloud.shell.run("redrive", "--json", *arguments)
    assert ended.stdout, ended.stderr
    return ended.returncode, json.loads(ended.stdout)


def test_images_that_failed_by_a_broken_model_pass_once_it_is_replaced(cloud: LocalCloud) -> None:
    keys = [f"incoming/want/{number} of+3.png" for number in range(3)]
    before = len(cloud.executions())
    with endpoint_faults(cloud, "garbage"):
        for key in keys:
            cloud.put(key, picture(key))
        cloud.wait_until_idle(before + len(keys))
        failed = documents_of(cloud, "want/")
        assert sorted(failed.values()) == keys
        assert {key.split("/")[0] for key in failed} == {"failed"}
        code, again = redrive(cloud)
        assert (code, again["counts"]) == (1, {"failed": 3})
        assert set(documents_of(cloud, "want/")) == set(failed)

    code, listed = redrive(cloud, "--dry-run")
    assert (code, listed["counts"]) == (0, {"would start": 3})
    code, report = redrive(cloud)

    assert code == 0, report
    assert {row["outcome"] for row in report["images"]} <= {"passed", "review"}
    ended = documents_of(cloud, "want/")
    assert sorted(ended.values()) == keys
    assert not set(ended) & set(failed), "one image, one outcome"
    assert redrive(cloud) == (
        0,
        {"dry_run": False, "images": [], "counts": {}, "unreadable": [], "complete": True},
    )


def test_executions_that_died_and_events_that_never_arrived(cloud: LocalCloud) -> None:
    sqs, states, queue = (
        cloud.client("sqs"),
        cloud.client("stepfunctions"),
        cloud.outputs["FailedImagesQueueUrl"],
    )
    died, lost = "incoming/died/a b.png", "incoming/died/ünï.png"
    with without_capacity(cloud):
        cloud.put(died, picture(died))
        wait_until(lambda: bool(running(cloud)), "the execution does not begin")
        (execution,) = running(cloud)
        states.stop_execution(executionArn=execution, error="Stopped", cause="by a person")
        wait_until(lambda: waiting_messages(cloud) == 1, "the execution that was stopped leaves no message")
    with cloud.rule_disabled():
        event = json.loads((cloud.shell.root / "events" / "s3_object_created.json").read_text())
        event["detail"]["bucket"]["name"] = cloud.outputs["ImageBucketName"]
        event["detail"]["object"] = {"key": lost, "etag": cloud.put(lost, picture(lost)), "size": 1}
    for body in (json.dumps(event), json.dumps(event), "nobody can read this"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    assert documents_of(cloud, "died/") == {}

    code, report = redrive(cloud)

    assert code == 1, "a message that nobody can read needs a person"
    assert [one["reason"].split(" (")[0] for one in report["unreadable"]] == ["not JSON"]
    rows = {row["key"]: row for row in report["images"]}
    assert set(rows) == {died, lost}
    assert "ABORTED" in rows[died]["had_failed"]
    ended = documents_of(cloud, "died/")
    assert sorted(ended.values()) == sorted(rows)
    assert {key.split("/")[0] for key in ended} <= {"passed", "review"}
    assert waiting_messages(cloud) == 1, "only the unreadable message is left"


def running(cloud: LocalCloud) -> list[str]:
    return [one["executionArn"] for one in cloud.executions() if one["status"] == "RUNNING"]
