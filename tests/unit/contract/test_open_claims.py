"""The workflow and the sweep enter an image into the index alike, and the index has all that the sweep reads."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import stepfunctions

from sweep.claims import INDEX, Claim, _image_of, state_shard
from sweep.images import Image, event_of, iso_text
from tools.transformed import claims_table

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

if TYPE_CHECKING:
    from pathlib import Path

ARRIVED = datetime(2026, 11, 26, 10, 0, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def index(root: Path) -> dict[str, Any]:
    return dict(claims_table(root / "template.yaml")["GlobalSecondaryIndexes"][0])


@pytest.mark.parametrize(
    "name", ["a.jpg", "a+b c%25.png", "ünï/日本語.jpg", "🛵 e\u0301.jpg", "/leading", "'\"\\", "x" * 1000]
)
@pytest.mark.parametrize("version", ["v1", None])
def test_a_swept_event_is_claimed_where_the_sweep_put_the_image(
    root: Path, name: str, version: str | None
) -> None:
    image = Image("images", f"incoming/{name}", "e1", version, 1234, ARRIVED, "0A")
    state = json.loads((root / "statemachine" / "classify_image.asl.json").read_text())["States"][
        "Claim image"
    ]
    expression = state["Arguments"]["ExpressionAttributeValues"].replace("${ClaimSeconds}", "300")

    values = stepfunctions._evaluate_jsonata(
        expression.removeprefix("{%").removesuffix("%}").strip(),
        event_of(image),
        {"Execution": {"Id": "arn"}},
    )

    assert values[":state_shard"]["S"] == state_shard(image)
    assert datetime.fromisoformat(values[":state_since"]["S"]) == ARRIVED
    assert (values[":size"]["N"], values[":sequencer"]["S"]) == ("1234", "0A")
    assert values.get(":version_id") == ({"S": version} if version else None)


def test_the_index_projects_all_that_the_sweep_reads(index: dict[str, Any]) -> None:
    texts = {
        "image_key": "incoming/a",
        "etag": "e1",
        "execution": "arn",
        "claimed_at": iso_text(ARRIVED),
        "swept_at": iso_text(ARRIVED),
        "reported_at": iso_text(ARRIVED),
        "state_shard": "open#1",
        "state_since": iso_text(ARRIVED),
        "version_id": "v1",
        "sequencer": "0A",
        "result_key": "failed/a.json",
    }
    item = {name: {"S": text} for name, text in texts.items()}
    item |= {name: {"N": "7"} for name in ("claim_ends", "attempts", "size", "sweeps")}
    keys = {"image_key", "etag", *(one["AttributeName"] for one in index["KeySchema"])}
    kept = keys | set(index["Projection"]["NonKeyAttributes"])
    projected = {name: value for name, value in item.items() if name in kept}

    assert index["IndexName"] == INDEX
    assert len(projected) < len(item)
    assert Claim.from_item(projected) == Claim.from_item(item)
    assert _image_of(projected, "images") == _image_of(item, "images")
