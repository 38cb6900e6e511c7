"""The audit in a cloud that draws every image: what passes waits for a person all the same, each part real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from scones.audits import Draw, ask_second_look, drawn, missed
from scones.connection import local_connection
from scones.decisions.decision import Decision
from scones.decisions.reviewer import Reviewer
from scones.stack import read_stack
from tests.local_cloud.cloud import LocalCloud, open_cloud
from tests.local_cloud.shell import Shell, wait_until

pytestmark = pytest.mark.local_cloud

NAMES = ("agree.jpg", "disagree.jpg", "cannot_tell.jpg", "gone.jpg")


@pytest.fixture(scope="module")
def audited(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud with four pictures of a bicycle, other bytes each, that passed."""
    shell = Shell(root, tmp_path_factory.mktemp("audited") / "state")
    with open_cloud(shell, "--parameter", "AuditShare=1") as cloud:
        bicycle = (root / "events" / "images" / "bicycle.jpg").read_bytes()
        for number, name in enumerate(NAMES):
            cloud.put(f"incoming/{name}", bicycle + bytes(number))  # behind the picture's end
        wait_until(lambda: len(draws(cloud)) == len(NAMES), "not every image is drawn")
        yield cloud


@pytest.fixture
def reviewer(audited: LocalCloud) -> Reviewer:
    connection = local_connection(audited.shell.cloud_state())
    return Reviewer(connection, read_stack(connection))


def draws(cloud: LocalCloud) -> dict[str, Draw]:
    read = drawn(cloud.client("dynamodb"), cloud.outputs["ClaimsTableName"])
    return {one.key.removeprefix("incoming/"): one for one in read}


def claims(cloud: LocalCloud) -> dict[str, dict[str, Any]]:
    items = cloud.client("dynamodb").scan(TableName=cloud.outputs["ClaimsTableName"])["Items"]
    return {item["image_key"]["S"].removeprefix("incoming/"): item for item in items if "execution" in item}


def is_recorded(cloud: LocalCloud, decision: Decision) -> bool:
    item = claims(cloud)[decision.image.key.removeprefix("incoming/")]
    return not item.get("state_shard", {}).get("S", "").startswith("record#")


def documents(cloud: LocalCloud) -> set[str]:
    return {place.rpartition("/")[0] for place in cloud.documents() if not place.startswith("labels/")}


def test_what_passes_is_drawn_and_waits_and_its_document_says_nothing_of_it(audited: LocalCloud) -> None:
    assert {(one.passed, one.label, one.share, one.decision) for one in draws(audited).values()} == {
        (True, "bicycle", 1.0, None)
    }
    release = (audited.outputs["ModelEndpointName"], audited.outputs["SerializeDigest"])
    assert {(one.endpoint, one.serialize) for one in draws(audited).values()} == {release}
    assert all(0 <= one.u < 1 for one in draws(audited).values())
    assert len({one.u for one in draws(audited).values()}) == len(NAMES)
    assert missed(audited.client("dynamodb"), audited.outputs["ClaimsTableName"]) == 0
    for item in claims(audited).values():
        assert item["outcome"]["S"] == "passed"
        assert item["state_shard"]["S"].startswith("person#")
    fractions = [item["draw"]["M"]["u"]["N"].rstrip("0") for item in claims(audited).values()]
    stored = str(audited.documents())
    logs = "".join(path.read_text(errors="replace") for path in (audited.shell.state / "logs").glob("*.log"))
    assert "bicycle" in stored
    assert [u for u in fractions if u in stored or u in logs] == []


def test_only_a_disagreement_moves_what_passed(audited: LocalCloud, reviewer: Reviewer) -> None:
    says = {"agree.jpg": "bicycle", "disagree.jpg": "motorcycle", "cannot_tell.jpg": "cannot_tell"}
    audited.client("s3").delete_object(Bucket=audited.outputs["ImageBucketName"], Key="incoming/gone.jpg")
    taken = {image.key.removeprefix("incoming/"): image for image in reviewer.take(len(NAMES))}
    assert set(taken) == set(NAMES)
    for name, image in taken.items():
        decision = reviewer.decide(image, says.get(name, "gone")).decision
        wait_until(partial(is_recorded, audited, decision), f"the decision about {name} is not recorded")
    assert {name: one.decision for name, one in draws(audited).items()} == says | {"gone.jpg": "gone"}
    assert documents(audited) == {
        "passed/bicycle/agree.jpg",
        "passed/bicycle/cannot_tell.jpg",
        "passed/bicycle/gone.jpg",
        "reviewed/motorcycle/disagree.jpg",
    }


def test_a_disagreement_is_undone_and_waits_again_and_a_second_look_changes_nothing(
    audited: LocalCloud, reviewer: Reviewer
) -> None:
    etag = claims(audited)["disagree.jpg"]["etag"]["S"]
    image = reviewer.image("incoming/disagree.jpg", etag)
    before = reviewer.decision_about(image)
    assert before is not None
    undone = reviewer.undo(before).decision
    wait_until(partial(is_recorded, audited, undone), "the undo is not recorded")
    assert "passed/bicycle/disagree.jpg" in documents(audited)
    assert draws(audited)["disagree.jpg"].decision is None, "a slip, taken back before the verdict was shown"
    (again,) = reviewer.take()
    decision = reviewer.decide(again, "neither").decision
    wait_until(partial(is_recorded, audited, decision), "the decision is not recorded")

    table = audited.outputs["ClaimsTableName"]
    draw, dynamodb = draws(audited)["disagree.jpg"], audited.client("dynamodb")
    assert ask_second_look(dynamodb, table, draw, datetime.now(UTC))
    assert reviewer.take() == []  # who decided is not the one to look again
    other = Reviewer(reviewer.connection, read_stack(reviewer.connection))
    other.__dict__["by"] = "arn:aws:iam::000000000000:user/other"
    (shown,) = other.take()
    other.decide(shown, "bicycle")
    found = draws(audited)["disagree.jpg"]
    assert (found.decision, [look.label for look in found.second]) == ("neither", ["bicycle"])
    assert "reviewed/neither/disagree.jpg" in documents(audited)
    assert "state_shard" not in claims(audited)["disagree.jpg"]
