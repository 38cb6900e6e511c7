"""People decide: `scones review` in a terminal, and what "Record decision" makes of it, each part real."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scones.connection import local_connection
from scones.decisions.decision import Decision
from scones.decisions.review_errors import DecidedByOtherError
from scones.decisions.reviewer import Reviewer
from scones.stack import read_stack
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.shell import wait_until
from tests.local_cloud.terminal import terminal

pytestmark = pytest.mark.local_cloud

NAMES = [f"{letter}.png" for letter in "abcdef"]
ASKED = "[q] quit"


@pytest.fixture(scope="module")
def unsure(cloud: LocalCloud, root: Path) -> LocalCloud:
    """Six images of the same scone, other bytes each, that wait for a person, and a bicycle that passed."""
    scone = (root / "events" / "images" / "a scone + jam.png").read_bytes()
    for number, name in enumerate(NAMES):
        cloud.put(f"incoming/{name}", scone + bytes(number + 1))  # behind the picture's end
        there = sorted(f"incoming/{one}" for one in NAMES[: number + 1])
        wait_until(partial(waits, cloud, there), f"{name} does not wait")  # so that they arrive in this order
    cloud.put("incoming/bicycle.jpg", (root / "events" / "images" / "bicycle.jpg").read_bytes())
    wait_until(lambda: "incoming/bicycle.jpg" in outcomes(cloud), "the bicycle has no outcome")
    return cloud


@pytest.fixture
def reviewer(unsure: LocalCloud) -> Reviewer:
    connection = local_connection(unsure.shell.cloud_state())
    return Reviewer(connection, read_stack(connection))


def claims(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    pages = (
        cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["ClaimsTableName"])
    )
    return {item["image_key"]["S"]: item for page in pages for item in page["Items"] if "etag" in item}


def waiting(cloud: LocalCloud) -> list[str]:
    return sorted(
        key
        for key, item in claims(cloud).items()
        if item.get("state_shard", {}).get("S", "").startswith("person#")
    )


def waits(cloud: LocalCloud, keys: list[str]) -> bool:
    return waiting(cloud) == keys


def outcomes(cloud: LocalCloud) -> dict[str, str]:
    return {key: item["outcome"]["S"] for key, item in claims(cloud).items() if "finished_at" in item}


def filed(cloud: LocalCloud, key: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the documents of an image and the folders that they are in."""
    return [
        (place.partition(key.removeprefix("incoming/"))[0], document)
        for place, document in cloud.documents().items()
        if not place.startswith("labels/") and document["image"]["key"] == key
    ]


def recorded(cloud: LocalCloud, decision: Decision) -> bool:
    item = claims(cloud)[decision.image.key]
    return not item.get("state_shard", {}).get("S", "").startswith("record#")


def test_six_images_by_keys(unsure: LocalCloud) -> None:
    with terminal(unsure.shell, "review") as person:
        for number, key in enumerate("1nsc2u", 1):
            person.wait_for(ASKED, number)
            assert "model said" not in person.text.rpartition("incoming/")[2]
            person.press(key)
        person.wait_for("was decided: motorcycle")
        person.press("1")  # instead of motorcycle
        person.wait_for(ASKED, 8)
        person.wait_for("incoming/e.png: bicycle")
        person.press("q")
        assert person.wait_for_end() == 0
    assert "5 images decided" not in person.text
    assert "4 images decided" in person.text

    wait_until(lambda: waiting(unsure) == ["incoming/c.png", "incoming/f.png"], "a decision is not recorded")
    folders = {name: [folder for folder, _ in filed(unsure, f"incoming/{name}")] for name in NAMES}
    assert folders == {
        "a.png": ["reviewed/bicycle/"],
        "b.png": ["reviewed/neither/"],
        "c.png": ["review/"],
        "d.png": ["reviewed/cannot_tell/"],
        "e.png": ["reviewed/bicycle/"],
        "f.png": ["review/"],
    }
    (_, document), decisions = filed(unsure, "incoming/e.png")[0], decisions_of(unsure, "incoming/e.png")
    assert [decision["label"]["S"] for decision in decisions] == ["motorcycle", "bicycle"]
    assert decisions[1]["replaces"] == decisions[0]["id"]
    assert document["outcome"] == "reviewed"
    assert document["decision"]["id"] == decisions[1]["id"]["S"]
    assert document["decision"]["by"].startswith("arn:aws:")
    assert document["model_said"]["outcome"] == "review"
    assert {key for key, item in claims(unsure).items() if "lease_by" in item} == set()


def decisions_of(cloud: LocalCloud, key: str) -> list[dict[str, Any]]:
    return [entry["M"] for entry in claims(cloud)[key]["decisions"]["L"]]


def test_each_decision_is_a_label_record(unsure: LocalCloud) -> None:
    s3, bucket = unsure.client("s3"), unsure.outputs["ResultsBucketName"]
    listed = s3.list_objects_v2(Bucket=bucket, Prefix="labels/")["Contents"]
    records = [
        json.loads(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read().splitlines()[0])
        for one in listed
    ]
    assert sorted((one["image"]["key"], one["label"]) for one in records) == [
        ("incoming/a.png", "bicycle"),
        ("incoming/b.png", "neither"),
        ("incoming/d.png", "cannot_tell"),
        ("incoming/e.png", "bicycle"),
        ("incoming/e.png", "motorcycle"),
    ]
    decided = decisions_of(unsure, "incoming/e.png")
    assert {one["id"]: one["replaces"] for one in records if one["image"]["key"].endswith("e.png")} == {
        decided[0]["id"]["S"]: None,
        decided[1]["id"]["S"]: decided[0]["id"]["S"],
    }


def test_a_passed_image_is_corrected_and_that_is_undone(unsure: LocalCloud, reviewer: Reviewer) -> None:
    etag = claims(unsure)["incoming/bicycle.jpg"]["etag"]["S"]
    image = reviewer.image("incoming/bicycle.jpg", etag)
    decision = reviewer.decide(image, "motorcycle", took_ms=900).decision
    verdict = reviewer.model_said(decision)
    assert (verdict.outcome, verdict.label) == ("passed", "bicycle")
    wait_until(lambda: recorded(unsure, decision), "the correction is not recorded")
    assert [folder for folder, _ in filed(unsure, image.key)] == ["reviewed/motorcycle/"]
    assert reviewer.model_said(decision) == verdict

    undone = reviewer.undo(decision).decision
    wait_until(lambda: recorded(unsure, undone), "the undo is not recorded")
    ((folder, document),) = filed(unsure, image.key)
    assert (folder, document["outcome"], document["label"]) == ("passed/bicycle/", "passed", "bicycle")
    assert "decision" not in claims(unsure)[image.key]


def test_two_reviewers_and_an_image_that_is_deleted(unsure: LocalCloud, reviewer: Reviewer) -> None:
    connection = local_connection(unsure.shell.cloud_state())
    other = Reviewer(connection, read_stack(connection))
    (first,), (second,) = reviewer.take(), other.take()
    assert sorted((first.key, second.key)) == ["incoming/c.png", "incoming/f.png"]
    assert (reviewer.take(), other.take()) == ([], [])
    decision = other.decide(first, "motorcycle").decision
    with pytest.raises(DecidedByOtherError):
        reviewer.decide(first, "bicycle")

    unsure.client("s3").delete_object(Bucket=unsure.outputs["ImageBucketName"], Key=second.key)
    with terminal(unsure.shell, "review") as person:
        other.release(second)
        person.wait_for("leaves the queue without a label")
        person.wait_for("nothing waits")
        person.press("q")
        assert person.wait_for_end() == 0
    wait_until(lambda: waiting(unsure) == [], "it still waits")
    wait_until(lambda: recorded(unsure, decision), "the decision is not recorded")
    assert [one["label"]["S"] for one in decisions_of(unsure, second.key)] == ["gone"]
    assert reviewer.model_said(decision).outcome == "review"
