"""A person's decision, recorded by "Record decision", is taken over by no execution of the workflow."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.workflow.decisions import Recording, decide, recording
from tests.workflow.harness import CLASSIFIED, FUNCTIONS, UNSURE, Run, Workflow, returns

pytestmark = pytest.mark.local_cloud

OTHER = CLASSIFIED | {"inferences": [0.01, 0.99]}


@pytest.fixture
def image() -> dict[str, Any]:
    return {"key": f"incoming/{uuid.uuid4()}.jpg", "etag": uuid.uuid4().hex}


@pytest.fixture(scope="module")
def record(workflow: Workflow) -> Recording:
    return recording(workflow)


def did_nothing(run: Run) -> bool:
    return run.status == "SUCCEEDED" and not any(run.attempts[name] for name in FUNCTIONS)


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "not recorded yet"])
@pytest.mark.parametrize(
    "again",
    [
        {"sequencer": "0B"},
        {"sequencer": "0B", "redrive": True},
        {"sequencer": None},
        {"sequencer": None, "redrive": True},
    ],
    ids=["the same bytes uploaded again", "redrive", "backfill", "sweep"],
)
def test_a_decided_image_stays_as_it_is(
    workflow: Workflow,
    record: Recording,
    image: dict[str, Any],
    again: dict[str, Any],
    *,
    recorded: bool,
) -> None:
    workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    decide(workflow, image)
    if recorded:
        assert record(image)["status"] == "SUCCEEDED"
    claim, documents = workflow.claim(**image), workflow._documents("results", f"/{image['etag']}.json")
    assert claim["outcome"] == ("reviewed" if recorded else "review")

    run = workflow.run(**image, classify=returns(OTHER), **again)

    assert did_nothing(run)
    assert (run.claim, run.results) == (claim, documents)
    if not recorded:
        assert record(image)["status"] == "SUCCEEDED"
    (key,) = workflow._documents("results", f"/{image['etag']}.json")
    assert key.startswith("reviewed/motorcycle/")


def test_an_image_that_was_gone_and_is_uploaded_again_is_classified_again(
    workflow: Workflow, record: Recording, image: dict[str, Any]
) -> None:
    workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    decide(workflow, image, "gone")
    assert record(image)["status"] == "SUCCEEDED"
    (gone,) = workflow._documents("results", f"/{image['etag']}.json")
    late = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))

    again = workflow.run(**image, sequencer="0B", filter_=returns(UNSURE))

    assert gone.startswith("reviewed/gone/")
    assert did_nothing(late)
    assert [key.split("/")[0] for key in again.results] == ["review"]
    assert again.claim["state_shard"].startswith("person#")
    assert len(again.reviews) == 1


def test_an_image_that_an_execution_has_claimed_again_cannot_be_decided(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    workflow.run(**image, sequencer="0B", ResultsBucket="no-such-bucket")

    client = workflow.client("dynamodb")
    with pytest.raises(client.exceptions.ConditionalCheckFailedException):
        decide(workflow, image)
