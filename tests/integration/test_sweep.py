"""Images with a lost event or a dead execution: the sweep brings each to an outcome or reports it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.mailbox import Mailbox
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

pytestmark = pytest.mark.local_cloud

KEYS = ["lost/a b+c%25d.png", "lost/ünï/日本語.jpg", "lost//leading.png", "lost/plain.png"]


@pytest.fixture(scope="module")
def silent(cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The cloud with its rule switched off: uploads start nothing."""
    with cloud.rule_disabled():
        yield cloud


def sweep(cloud: LocalCloud, *arguments: str) -> dict[str, Any]:
    """Run `scones sweep` on images of any age, and wait for what it started."""
    before = len(cloud.executions())
    ended = cloud.shell.run("sweep", "--older-than", "0", "--json", *arguments)
    assert ended.returncode in {0, 1}, ended.stderr
    found = dict(json.loads(ended.stdout)) | {"exit": ended.returncode}
    if "--dry-run" not in arguments:
        cloud.wait_until_idle(before + found["counts"]["started"])
    return found


def sweep_as_scheduled(cloud: LocalCloud) -> dict[str, Any]:
    """Run the sweep as its schedule does, but for images of any age, and wait for what it started."""
    before = len(cloud.executions())
    answer = cloud.client("lambda").invoke(
        FunctionName=cloud.outputs["SweepFunctionName"], Payload=json.dumps({"older_than_minutes": 0})
    )
    found = dict(json.loads(answer["Payload"].read()))
    assert "FunctionError" not in answer, found
    cloud.wait_until_idle(before + found["counts"]["started"])
    return found


def claim(cloud: LocalCloud, key: str, etag: str, **attributes: str | int) -> dict[str, str]:
    """Set attributes of an image's claim, and return what is there then."""
    table, dynamodb = cloud.outputs["ClaimsTableName"], cloud.client("dynamodb")
    name = {"image_key": {"S": key}, "etag": {"S": etag}}
    if attributes:
        values = {
            one: {"N": str(value)} if isinstance(value, int) else {"S": value}
            for one, value in attributes.items()
        }
        dynamodb.put_item(TableName=table, Item=name | values)
    item = dynamodb.get_item(TableName=table, Key=name).get("Item", {})
    return {one: next(iter(value.values())) for one, value in item.items()}


def test_images_without_an_event_get_their_outcomes(silent: LocalCloud) -> None:
    tags = {f"incoming/{key}": silent.put(f"incoming/{key}", picture(key)) for key in KEYS}
    tags["incoming/lost/none.jpg"] = silent.put("incoming/lost/none.jpg", b"no image at all")
    tags["incoming/lost/empty"] = silent.put("incoming/lost/empty", b"")
    silent.put("incoming/lost/folder/", b"")
    assert silent.outcomes("lost/") == {}

    listed = sweep(silent, "--dry-run")
    assert (listed["counts"]["started"], silent.executions()) == (len(tags), [])
    first = sweep(silent)

    assert first["counts"]["started"] == len(tags)
    found = silent.outcomes("lost/")
    assert set(found) == set(tags)
    assert {found[f"incoming/lost/{name}"] for name in ("none.jpg", "empty")} == {"rejected"}
    reasons = {document["reason"] for document in silent.documents().values()}
    assert {found[f"incoming/{key}"] for key in KEYS} <= {"passed", "review"}, reasons
    assert {claim(silent, key, etag)["sweeps"] for key, etag in tags.items()} == {"1"}
    second = sweep(silent)
    assert (second["counts"]["started"], second["counts"]["finished"]) == (0, len(tags))


def test_an_image_whose_execution_is_gone_is_taken_over(silent: LocalCloud) -> None:
    key = "incoming/dead/a.png"
    etag = silent.put(key, picture(key))
    not_there = silent.outputs["WorkflowArn"].replace(":stateMachine:", ":execution:") + ":not-there"
    claim(silent, key, etag, execution=not_there, claimed_at="2026-11-20T00:00:00Z", claim_ends=9_000_000_000)

    found = sweep(silent)

    assert [image["why"] for image in found["images"]["started"]] == [
        "its execution no longer exists and left no outcome"
    ]
    assert set(silent.outcomes("dead/")) == {key}
    assert claim(silent, key, etag)["execution"] != not_there


def test_the_schedules_sweep_finds_by_its_listing_and_then_by_the_index(silent: LocalCloud) -> None:
    """The one that nobody claimed is in the bucket only; the one that died is known from its claim."""
    lost, dead = "incoming/scheduled/lost.png", "incoming/scheduled/dead.png"
    tags = {key: silent.put(key, picture(key)) for key in (lost, dead)}
    table, dynamodb = silent.outputs["ClaimsTableName"], silent.client("dynamodb")
    not_there = silent.outputs["WorkflowArn"].replace(":stateMachine:", ":execution:") + ":not-there"
    begins_a_cycle = {"image_key": {"S": "#sweep"}, "etag": {"S": "cursor"}}
    dynamodb.delete_item(TableName=table, Key=begins_a_cycle)
    sweep_as_scheduled(silent)
    assert set(silent.outcomes("scheduled/")) == {lost, dead}

    claim(
        silent,
        dead,
        tags[dead],
        execution=not_there,
        claimed_at="2026-11-20T00:00:00Z",
        claim_ends=9_000_000_000,
        state_shard="open#0",
        state_since=f"{datetime.now(UTC):%FT%TZ}",
        size=1,
    )
    answer = sweep_as_scheduled(silent)

    assert [one["key"] for one in answer["images"]["started"]] == [dead], "no cycle was due: the index has it"
    for key in (lost, dead):
        left = claim(silent, key, tags[key])
        waits = {"passed": "", "review": "person#"}
        assert left.get("state_shard", "").rstrip("0123456789") == waits[left["outcome"]]
    indexed = dynamodb.scan(TableName=table, IndexName="by_state")["Items"]
    assert [item for item in indexed if item["state_shard"]["S"].startswith("open#")] == []


def test_an_image_that_is_given_up_is_told_once_and_redrive_has_it(silent: LocalCloud) -> None:
    key = "incoming/hopeless/a.png"
    etag = silent.put(key, picture(key))
    claim(silent, key, etag, sweeps=3)
    mailbox = Mailbox(silent, "AlertTopicArn")

    first, second = sweep(silent), sweep(silent)

    assert (first["counts"]["reported"], first["exit"]) == (1, 1)
    assert (second["counts"]["reported"], second["counts"]["exhausted"], second["exit"]) == (0, 1, 1)
    alerts: list[dict[str, Any]] = []

    def alerted() -> bool:  # the queue's own alarm may fire too
        alerts.extend(message for message in mailbox.messages() if "AlarmName" not in message)
        return bool(alerts)

    wait_until(alerted, "no alert")
    (alert,) = alerts
    assert [image["key"] for image in alert["images"]] == [key]
    assert silent.outcomes("hopeless/") == {}

    redriven = silent.shell.run("redrive", "--json")

    assert redriven.returncode == 0, redriven.stderr
    (row,) = json.loads(redriven.stdout)["images"]
    assert "started by 3 sweeps without success" in row["had_failed"]
    assert silent.outcomes("hopeless/") == {key: row["outcome"]}


def test_the_stack_sweeps_by_itself(silent: LocalCloud) -> None:
    events = silent.client("events")
    rule = events.describe_rule(Name=silent.physical_ids()["SweepSchedule"])
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(15 minutes)", "ENABLED")
    assert target["Arn"].endswith(f":function:{silent.outputs['SweepFunctionName']}")
    assert json.loads(target["Input"]) == {}
