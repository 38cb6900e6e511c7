"""The index of a real stack: what commands read from it, and a stack whose claims are older than it."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud

pytestmark = pytest.mark.local_cloud
NEW = ("outcome_shard", "label", "confidence", "model_version", "reason", "state_shard", "state_since")


def answer(cloud: LocalCloud, *command: str) -> Any:
    ended = cloud.shell.run(*command, "--json")
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def claims(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["ClaimsTableName"])["Items"]
    return {item["image_key"]["S"]: item for item in items}


@pytest.fixture(scope="module")
def dropped(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    """The sample images, by key; some pass, some are rejected, one waits for a person."""
    images = {one["key"]: one for one in answer(cloud, "drop", "events/images", "--prefix", "i")["images"]}
    cloud.wait_until_idle(len(images))
    return images


def test_results_and_status_agree_with_what_was_dropped(
    cloud: LocalCloud, dropped: dict[str, dict[str, Any]]
) -> None:
    outcomes = [one["outcome"] for one in dropped.values()]
    assert {"passed", "review", "rejected"} <= set(outcomes)
    found = answer(cloud, "results")
    assert {one["image"]["key"]: one["outcome"] for one in found} == {
        key: one["outcome"] for key, one in dropped.items()
    }
    closed = {key: item["finished_at"]["S"] for key, item in claims(cloud).items()}
    finished = [closed[one["image"]["key"]] for one in found]  # a document's own time is a moment earlier
    assert finished == sorted(finished, reverse=True)
    counted = answer(cloud, "status")
    assert counted["outcomes"] == {name: outcomes.count(name) for name in counted["outcomes"]}
    assert counted["oldest_waiting_for_a_person"]["key"] in dropped


def test_one_image_is_shown_with_its_states_and_one_that_waits_without_its_verdict(
    cloud: LocalCloud, dropped: dict[str, dict[str, Any]]
) -> None:
    passed = next(key for key, one in dropped.items() if one["outcome"] == "passed")
    story = answer(cloud, "show", passed)
    assert [state["state"] for state in story["states"]][:4] == [
        "Claim image",
        "Serialize image",
        "Classify",
        "Filter",
    ]
    assert all(state["left"] for state in story["states"])
    assert story["document"]["label"] == dropped[passed]["label"]
    assert {line["message"] for line in story["log"]} >= {"filtered"}
    waiting = next(key for key, one in dropped.items() if one["outcome"] == "review")
    hidden = answer(cloud, "show", waiting)
    assert hidden["verdict_hidden"]
    assert str(dropped[waiting]["confidence"]) not in json.dumps(hidden)
    assert answer(cloud, "show", waiting, "--with-verdict")["document"]["label"] == dropped[waiting]["label"]


def test_a_stack_whose_claims_are_older_than_the_index(
    cloud: LocalCloud, dropped: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    """Reindexed, they are what the workflow of today had written, but for what only an event knows."""
    new, client = claims(cloud), cloud.client("dynamodb")
    for key, item in new.items():
        old = {name: value for name, value in item.items() if name not in NEW}
        old["result_key"] = {"S": dropped[key]["result"]}
        client.put_item(TableName=cloud.outputs["ClaimsTableName"], Item=old)
    before = cloud.shell.run("results")
    assert "the index of stack scones is empty although there are results: `scones reindex`" in before.stderr

    done = answer(cloud, "reindex")
    assert (done["indexed"], done["complete"]) == (len(dropped), True)
    found = claims(cloud)
    for key, item in new.items():
        arrived = {"state_since": item["state_since"]} if "state_since" in item else {}
        digits = {}
        if "confidence" in item:  # the workflow writes 15 digits of the document's number
            digits["confidence"] = item["confidence"]
            assert float(found[key]["confidence"]["N"]) == pytest.approx(
                float(item["confidence"]["N"]), 1e-14
            )
        assert found[key] | arrived | digits == item
    assert answer(cloud, "reindex")["indexed"] == 0

    assert answer(cloud, "export", str(tmp_path / "all.csv"))["images"] == len(dropped)
    with (tmp_path / "all.csv").open(newline="") as file:
        assert {row["key"]: row["outcome"] for row in csv.DictReader(file)} == {
            key: one["outcome"] for key, one in dropped.items()
        }
