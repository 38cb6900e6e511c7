"""One image, one outcome, however often and in whatever order its events come."""

import hashlib
import json
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.workflow.harness import CLASSIFIED, FUNCTIONS, SURE, UNSURE, Run, Workflow, raises, returns

pytestmark = pytest.mark.local_cloud

LONG_PAST, FAR_AHEAD = 1_000_000_000, 9_000_000_000


@pytest.fixture
def image() -> dict[str, Any]:
    return {"key": f"incoming/{uuid.uuid4()}.jpg", "etag": uuid.uuid4().hex}


def shard_of(image: dict[str, Any]) -> int:
    return int(hashlib.md5(f"{image['key']}{image['etag']}".encode()).hexdigest()[0], 16)  # noqa: S324


def did_nothing(run: Run) -> bool:
    return run.status == "SUCCEEDED" and not any(run.attempts[name] for name in FUNCTIONS)


def test_a_claim_is_closed_with_the_outcome(workflow: Workflow, image: dict[str, Any]) -> None:
    run = workflow.run(**image)

    assert run.claim["execution"] == run.document["execution"]
    assert (run.claim["outcome"], run.claim["label"], run.claim["attempts"]) == ("passed", "bicycle", "1")
    assert (run.claim["confidence"], run.claim["reason"]) == ("0.95", run.document["reason"])
    assert run.claim["outcome_shard"] == f"passed#{shard_of(image)}"
    assert run.claim["finished_at"] >= run.claim["claimed_at"]
    assert 250 < int(run.claim["claim_ends"]) - time.time() <= 300


def test_a_claim_is_in_the_index_of_open_ones_until_it_is_closed(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    lost = workflow.run(**image, ResultsBucket="no-such-bucket", sequencer="0A")

    assert lost.claim["state_shard"] == f"open#{shard_of(image)}"
    assert lost.claim["state_since"] == "2026-11-21T08:30:00Z"  # the event's time, not the claim's
    assert (lost.claim["size"], lost.claim["version_id"], lost.claim["sequencer"]) == ("1234", "v1", "0A")
    closed = workflow.run(**image, redrive=True)
    assert not {"state_shard", "state_since", "expires_at"} & closed.claim.keys()


def test_an_image_that_waits_for_a_person_stays_in_the_index(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    run = workflow.run(**image, filter_=returns(UNSURE), ClaimDays="30")

    assert run.claim["state_shard"] == f"person#{shard_of(image)}"
    assert run.claim["state_since"] == "2026-11-21T08:30:00Z"
    assert run.claim["outcome_shard"] == f"review#{shard_of(image)}"
    assert "expires_at" not in run.claim


def test_a_failure_leaves_no_verdict_of_an_earlier_run(workflow: Workflow, image: dict[str, Any]) -> None:
    answer = CLASSIFIED | {"endpoint": {"name": "scones", "variant": "AllTraffic", "model_version": "7"}}
    first = workflow.run(**image, sequencer="0A", classify=returns(answer))
    failed = workflow.run(**image, sequencer="0B", classify=raises("KeyError", "x" * 900))

    assert first.claim["model_version"] == "7"
    assert failed.claim["reason"] == "x" * 200
    assert failed.claim["outcome_shard"] == f"failed#{shard_of(image)}"
    assert not {"label", "confidence", "model_version"} & failed.claim.keys()
    assert [key.split("/")[0] for key in failed.results] == ["failed"]


def test_an_earlier_result_is_found_after_an_execution_that_died(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.run(**image, sequencer="0A")
    lost = workflow.run(**image, sequencer="0B", filter_=returns(UNSURE), ResultsBucket="no-such-bucket")
    last = workflow.run(**image, redrive=True, filter_=returns(UNSURE))

    assert "finished_at" not in lost.claim
    assert [key.split("/")[0] for key in last.results] == ["review"]


def test_an_earlier_result_of_a_release_before_the_index_is_removed(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    first = workflow.run(**image)
    (stored,) = first.results
    workflow.hold_claim(
        **image,
        claim_ends=LONG_PAST,
        finished_at="2026-01-05T10:00:01Z",
        outcome="passed",
        sequencer="0A",
        result_key=stored,
    )

    again = workflow.run(**image, sequencer="0B", filter_=returns(UNSURE))

    assert [key.split("/")[0] for key in again.results] == ["review"]
    assert "result_key" not in again.claim


@pytest.mark.parametrize("redrive", [False, True])
def test_a_decided_image_is_taken_over_by_nobody(
    workflow: Workflow, image: dict[str, Any], *, redrive: bool
) -> None:
    first = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    workflow.hold_claim(
        **image,
        claim_ends=LONG_PAST,
        finished_at="2026-01-05T10:00:01Z",
        outcome="failed",  # what a redrive takes over otherwise
        sequencer="0A",
        decision="0123456789abcdef0123456789abcdef",
    )

    again = workflow.run(**image, sequencer="0B", redrive=redrive)

    assert did_nothing(again)
    assert again.results == first.results


def test_a_passed_image_costs_five_write_units(workflow: Workflow) -> None:
    """A write unit is 1 KB of an item, in the table and again in each index that it enters or leaves."""
    key, etag = f"incoming/{uuid.uuid4().hex}".ljust(200, "x"), uuid.uuid4().hex
    name = f"{uuid.uuid4()}_{uuid.uuid4()}"  # as EventBridge names an execution
    answer = CLASSIFIED | {"endpoint": {"name": "n", "variant": "v", "model_version": "v" * 40}}
    image: dict[str, Any] = {"key": key, "etag": etag, "version_id": "x" * 32, "sequencer": "0" * 18}

    lost = workflow.run(**image, execution=name, ResultsBucket="no-such-bucket")
    run = workflow.run(**image, redrive=True, classify=returns(answer))

    for item in (lost.claim, run.claim):
        arn = "arn:aws-us-gov:states:us-gov-east-1:123456789012:execution:" + "n" * 80 + f":{name}"
        size = sum(len(name) + len(value) for name, value in (item | {"execution": arn}).items())
        assert size <= 1024
    # Table and by_state for the claim; table, by_state (it leaves) and by_time for the outcome.
    assert "state_shard" in lost.claim
    assert "outcome_shard" not in lost.claim
    assert "state_shard" not in run.claim
    assert "outcome_shard" in run.claim


DRAWN = SURE | {"u": "0." + "1" * 16}


@pytest.mark.parametrize(
    ("filtered", "claim", "close"),
    [(SURE, {"table": 1, "by_state": 1}, {"table": 1, "by_state": 1, "by_time": 1}),
     (UNSURE, {"table": 1, "by_state": 1}, {"table": 1, "by_state": 2, "by_time": 1}),
     (DRAWN, {"table": 1, "by_state": 1}, {"table": 2, "by_state": 2, "by_time": 1, "by_draw": 1})],
    ids=["passed", "review", "passed and drawn"],
)  # fmt: skip
def test_dynamodb_says_what_an_image_costs(
    workflow: Workflow, filtered: dict[str, Any], claim: dict[str, int], close: dict[str, int]
) -> None:
    """The emulator charges each write as AWS's guide says, for the item and for its copy in each index."""
    definition = json.loads(workflow.definition)
    for name in ("Claim image", "Close claim"):
        definition["States"][name]["Arguments"]["ReturnConsumedCapacity"] = "INDEXES"
    key, etag = f"incoming/{uuid.uuid4().hex}".ljust(200, "x"), uuid.uuid4().hex
    answer = CLASSIFIED | {"endpoint": {"name": "n" * 63, "variant": "v", "model_version": "v" * 40}}

    run = replace(workflow, definition=json.dumps(definition), machines={}).run(
        key=key,
        etag=etag,
        version_id="x" * 32,
        sequencer="0" * 18,
        execution=f"{uuid.uuid4()}_{uuid.uuid4()}",
        classify=returns(answer),
        filter_=returns(filtered),
    )

    outputs = [json.loads(one["taskSucceededEventDetails"]["output"]) for one in run.history
               if one["type"] == "TaskSucceeded"]  # fmt: skip
    charged = [one["ConsumedCapacity"] for one in outputs if "ConsumedCapacity" in one]
    assert [units_by_place(one) for one in charged] == [claim, close]
    assert sum(one["CapacityUnits"] for one in charged) == sum(claim.values()) + sum(close.values())


def units_by_place(charged: dict[str, Any]) -> dict[str, float]:
    indexes = {name: one["CapacityUnits"] for name, one in charged["GlobalSecondaryIndexes"].items()}
    return {"table": charged["Table"]["CapacityUnits"]} | indexes


def test_a_drawn_image_that_passed_costs_four_write_units_more(workflow: Workflow) -> None:
    """Its item may have a second KB; it enters another partition of by_state, and by_draw with up to two KB."""
    key, etag = f"incoming/{uuid.uuid4().hex}".ljust(200, "x"), uuid.uuid4().hex
    answer = CLASSIFIED | {"endpoint": {"name": "n" * 63, "variant": "v", "model_version": "v" * 40}}

    run = workflow.run(
        key=key, etag=etag, classify=returns(answer), filter_=returns(SURE | {"u": "0." + "1" * 16})
    )

    assert "'u': {'N': '0.1111111111111111'}" in run.claim["draw"]
    assert "'passed': {'BOOL': True}" in run.claim["draw"]
    assert "'serialize': {'S': 's1-32'}" in run.claim["draw"]
    assert (run.claim["outcome"], run.claim["state_shard"][:7]) == ("passed", "person#")
    assert (run.claim["draw_shard"][:6], run.claim["draw_at"]) == ("drawn#", run.claim["finished_at"])
    assert run.claim["one_by_one"] == "True"
    assert len(str(run.claim)) < 2048
    assert "u" not in run.document
    assert "0." + "1" * 16 not in str(run.document)


def test_a_version_that_an_event_does_not_name_is_not_that_of_an_earlier_event(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.run(**image, ResultsBucket="no-such-bucket")
    again = workflow.run(**image, redrive=True, version_id=None)

    assert "version_id" not in again.claim


@pytest.mark.parametrize("redrive", [False, True])
def test_a_folder_marker_is_nobodys_image(
    workflow: Workflow, image: dict[str, Any], *, redrive: bool
) -> None:
    run = workflow.run(**image | {"key": f"{image['key']}/"}, size=0, redrive=redrive)

    assert did_nothing(run)
    assert run.claim == {}
    assert run.results == {}


@pytest.mark.parametrize(("key", "size"), [("empty.jpg", 0), ("folder/", 7)])
def test_an_empty_image_and_a_name_like_a_folders_are_images(workflow: Workflow, key: str, size: int) -> None:
    """Serialize rejects the first, with its reason; a broken upload of a phone looks like this."""
    run = workflow.run(key=f"incoming/{uuid.uuid4()}/{key}", size=size)

    assert run.document["image"]["size"] == size
    assert run.claim["outcome"] == "passed"


def test_a_claim_expires_only_where_the_stack_says_so(workflow: Workflow, image: dict[str, Any]) -> None:
    run = workflow.run(**image, ClaimDays="30")

    assert 0 <= int(run.claim["expires_at"]) - (time.time() + 30 * 86400) + 60 <= 120
    anew = workflow.run(**image, sequencer="FF", ClaimDays="0")
    assert "expires_at" not in anew.claim


@pytest.mark.parametrize("draw", [{"u": "0.0125000000000000"}, {"draw_missed": "no secret"}])
def test_a_claim_of_the_audit_does_not_expire(
    workflow: Workflow, image: dict[str, Any], draw: dict[str, str]
) -> None:
    """A certificate counts the draws and the missed draws of a period, however long ago it was."""
    run = workflow.run(**image, filter_=returns(SURE | draw), ClaimDays="30")

    assert (run.claim["outcome"], run.claim["draw_at"]) == ("passed", run.claim["finished_at"])
    assert "expires_at" not in run.claim


VERSIONED = CLASSIFIED | {"endpoint": {"name": "e", "variant": "v", "model_version": "v1"}}
DRAWN = SURE | {"u": "0.0125000000000000"}


@pytest.mark.parametrize(
    ("again", "waits"),
    [
        ({"filter_": returns(DRAWN)}, True),
        ({"filter_": returns(SURE)}, True),
        ({"filter_": returns(SURE | {"draw_missed": "no secret"})}, True),
        ({"filter_": returns(SURE), "AuditShare": "0"}, True),
        ({"classify": raises("EndpointModelError", times=99)}, False),
    ],
    ids=["drawn", "not drawn", "missed", "audits off", "failed"],
)
def test_a_draw_stays_as_it_was_when_the_same_bytes_come_again(
    workflow: Workflow, image: dict[str, Any], again: dict[str, Any], *, waits: bool
) -> None:
    """Otherwise whoever uploads an image that counts as an error would have it drawn anew, and later."""
    kept = ("draw", "draw_shard", "draw_at")
    first = workflow.run(**image, sequencer="0A", classify=returns(VERSIONED), filter_=returns(DRAWN)).claim
    given: dict[str, Any] = {"classify": returns(VERSIONED), "ClaimDays": "30"} | again
    run = workflow.run(**image, sequencer="0B", **given)
    assert run.claim["finished_at"] > first["finished_at"]
    assert [run.claim[name] for name in kept] == [first[name] for name in kept]
    assert run.claim.get("state_shard", "").startswith("person#") is waits
    assert "expires_at" not in run.claim


def test_what_another_model_sees_is_drawn_anew(workflow: Workflow, image: dict[str, Any]) -> None:
    first = workflow.run(**image, sequencer="0A", classify=returns(VERSIONED), filter_=returns(DRAWN)).claim
    newer = CLASSIFIED | {"endpoint": {"name": "e", "variant": "v", "model_version": "v2"}}
    run = workflow.run(**image, sequencer="0B", classify=returns(newer), filter_=returns(DRAWN))
    assert "v2" in run.claim["draw"]
    assert run.claim["draw_at"] == run.claim["finished_at"] > first["draw_at"]
    missed = workflow.run(**image, sequencer="0C", filter_=returns(SURE | {"draw_missed": "no secret"}))
    assert missed.claim["draw_shard"].startswith("missed#")
    assert "draw" not in missed.claim


def test_an_image_that_is_classified_while_audits_are_off_says_so(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    run = workflow.run(**image, AuditShare="0", ClaimDays="30")
    assert (run.claim["draw_shard"], run.claim["draw_at"]) == (
        f"off#{shard_of(image)}",
        run.claim["finished_at"],
    )
    assert "expires_at" in run.claim
    assert "draw" not in run.claim
    on = workflow.run(**image, sequencer="0B")
    assert on.claim["draw_at"] == run.claim["draw_at"], "nothing is forgotten where nothing is drawn"


def test_an_execution_that_aws_runs_twice_asks_for_one_review(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    # An asynchronous EXPRESS execution runs at least once: the second run has the first one's name.
    name = f"twice-{uuid.uuid4().hex}"
    workflow.hold_claim(
        **image,
        claim_ends=FAR_AHEAD,
        execution=workflow.execution_arn(name),
        finished_at="2026-01-05T10:00:01Z",
        outcome="review",
        sequencer="0A",
    )

    run = workflow.run(**image, execution=name, sequencer="0A", filter_=returns(UNSURE))

    assert did_nothing(run)
    assert run.reviews == []


def test_a_claim_whose_answer_was_lost_is_taken_again(workflow: Workflow, image: dict[str, Any]) -> None:
    name = f"retried-{uuid.uuid4().hex}"
    workflow.hold_claim(**image, claim_ends=FAR_AHEAD, execution=workflow.execution_arn(name))

    assert workflow.run(**image, execution=name).document["outcome"] == "passed"


def test_an_event_a_day_late_again_does_nothing(workflow: Workflow, image: dict[str, Any]) -> None:
    first = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    again = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))

    assert len(first.reviews) == 1
    assert did_nothing(again)
    assert again.reviews == []
    assert again.results == first.results
    assert again.claim == first.claim


def test_ten_events_at_once_are_one_outcome_and_one_message(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    with ThreadPoolExecutor(10) as pool:
        runs = list(pool.map(lambda _: workflow.run(**image, filter_=returns(UNSURE)), range(10)))
    last = workflow.run(**image)

    assert sum(len(run.attempts["Serialize"]) for run in runs) == 1
    assert len(last.results) == 1
    assert sum(len(run.reviews) for run in [*runs, last]) == 1
    assert all(run.status == "SUCCEEDED" for run in runs)


def test_an_image_that_another_execution_has_is_left_to_it(workflow: Workflow, image: dict[str, Any]) -> None:
    workflow.hold_claim(**image, claim_ends=FAR_AHEAD)

    run = workflow.run(**image)

    assert did_nothing(run)
    assert run.results == {}
    assert run.claim["execution"] == "another"


def test_the_image_of_an_execution_that_cannot_be_alive_is_taken_over(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.hold_claim(**image, claim_ends=LONG_PAST)

    assert workflow.run(**image).document["outcome"] == "passed"


def test_redrive_takes_an_unfinished_image_over(workflow: Workflow, image: dict[str, Any]) -> None:
    workflow.hold_claim(**image, claim_ends=FAR_AHEAD)

    assert workflow.run(**image, redrive=True).document["outcome"] == "passed"


def test_redrive_replaces_a_failure(workflow: Workflow, image: dict[str, Any]) -> None:
    failed = workflow.run(**image, classify=raises("KeyError"))
    redriven = workflow.run(**image, redrive=True)

    assert [key.split("/")[0] for key in failed.results] == ["failed"]
    assert [key.split("/")[0] for key in redriven.results] == ["passed"]
    assert (redriven.claim["outcome"], redriven.claim["attempts"]) == ("passed", "2")


def test_redrive_that_asks_a_person_removes_the_failure_too(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    workflow.run(**image, classify=raises("KeyError"))
    redriven = workflow.run(**image, redrive=True, filter_=returns(UNSURE))

    assert [key.split("/")[0] for key in redriven.results] == ["review"]
    assert len(redriven.reviews) == 1


def test_redrive_that_fails_again_alerts_again(workflow: Workflow, image: dict[str, Any]) -> None:
    workflow.run(**image, classify=raises("KeyError"))
    redriven = workflow.run(**image, redrive=True, classify=raises("InvalidPredictionError"))

    assert redriven.document["error"]["name"] == "InvalidPredictionError"
    assert len(redriven.alerts) == 1


def test_redrive_leaves_any_other_outcome_alone(workflow: Workflow, image: dict[str, Any]) -> None:
    first = workflow.run(**image)
    redriven = workflow.run(**image, redrive=True)

    assert did_nothing(redriven)
    assert redriven.results == first.results


def test_the_same_bytes_uploaded_anew_are_run_anew(workflow: Workflow, image: dict[str, Any]) -> None:
    workflow.run(**image, sequencer="0A")
    again = workflow.run(**image, sequencer="0B", filter_=returns(UNSURE))

    assert [key.split("/")[0] for key in again.results] == ["review"]
    assert again.claim["sequencer"] == "0B"


def test_an_unsure_image_copied_onto_itself_asks_nobody_again(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    first = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))
    copied = workflow.run(**image, sequencer="0B", filter_=returns(UNSURE))

    assert copied.claim["sequencer"] == "0B"
    assert copied.document["started_at"] > first.document["started_at"]
    assert (len(first.reviews), len(copied.reviews)) == (1, 0)
    sure = workflow.run(**image, sequencer="0C")
    unsure = workflow.run(**image, sequencer="0D", filter_=returns(UNSURE))
    assert [key.split("/")[0] for key in sure.results] == ["passed"]
    assert len(unsure.reviews) == 1  # it had passed meanwhile


def test_a_late_event_of_an_older_upload_changes_nothing(workflow: Workflow, image: dict[str, Any]) -> None:
    newer = workflow.run(**image, sequencer="0B")
    older = workflow.run(**image, sequencer="0A", filter_=returns(UNSURE))

    assert did_nothing(older)
    assert older.results == newer.results


def test_a_result_that_was_not_stored_leaves_the_claim_open(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    lost = workflow.run(**image, ResultsBucket="no-such-bucket")
    redriven = workflow.run(**image, redrive=True)

    assert lost.status == "FAILED"
    assert "finished_at" not in lost.claim
    assert redriven.document["outcome"] == "passed"


def test_an_image_that_cannot_be_claimed_fails_where_it_is_seen(
    workflow: Workflow, image: dict[str, Any]
) -> None:
    run = workflow.run(**image, ClaimsTable="gone")

    assert run.document["outcome"] == "failed"
    assert run.document["error"]["state"] == "Claim image"
    assert len(run.alerts) == 1
    assert (run.status, run.error) == ("FAILED", "DynamoDB.ResourceNotFoundException")
