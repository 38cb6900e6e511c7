"""`scones verify` against a stack in moto that can be told to do one thing wrong: each check sees what it is for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from scones.verify.messages import DELIVERY_S
from tests.unit.scones.verifiable import (
    IMAGES,
    RESULTS,
    VerifiableStack,
    stack_in_place,
    verified,
    watched_calls,
)

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import FakeCloudFormation, Scones


@pytest.fixture
def stack(
    aws: None, outputs: dict[str, str], cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> VerifiableStack:
    return stack_in_place(outputs, cloudformation, monkeypatch)


def rows(document: dict[str, Any], state: str) -> list[tuple[str, str]]:
    return [(row["check"], row["subject"]) for row in document["checks"] if row["state"] == state]


def failed_checks(scones: Scones, *options: str) -> set[str]:
    """Run a verification that has to fail, and return which checks did; nothing may be left behind."""
    document = verified(scones, *options, code=1)
    assert document["passed"] is False
    return {check for check, _ in rows(document, "failed")}


def test_a_stack_that_works_passes_every_check_and_nothing_is_left(
    scones: Scones, stack: VerifiableStack
) -> None:
    document = verified(scones)
    assert document["passed"] is True
    assert document["counts"] == {"ok": len(document["checks"]), "failed": 0, "not checked": 0}
    checked = {row["check"] for row in document["checks"]}
    assert checked == {
        *("outcome", "result document", "claim", "review message", "second start", "no message twice"),
        *("no alert", "log lines", "trace id", "log of second start", "metrics", "clean-up"),
    }
    assert stack.left() == []


def test_a_stack_that_does_not_take_the_samples_is_refused_before_anything_is_made(
    scones: Scones, stack: VerifiableStack, cloudformation: FakeCloudFormation
) -> None:
    cloudformation.parameters["ImagePattern"] = "photos/*.jpg"
    with watched_calls() as calls:
        result = scones("verify")
    assert result.exit_code == 2
    assert "cannot verify: photos/scones-verify/bicycle.png would start nothing" in result.stderr
    assert "`scones drop PHOTO` shows" in result.stderr
    assert calls <= {"DescribeStacks"}


def test_a_table_for_people_and_progress_beside_it(scones: Scones, stack: VerifiableStack) -> None:
    result = scones("verify")
    assert result.exit_code == 0, result.stderr
    assert "review, bicycle 0.550" in result.stdout
    assert "of stack scones" in result.stdout
    assert "Reading claims" in result.stderr


def test_others_images_and_results_stay(scones: Scones, stack: VerifiableStack) -> None:
    stack.s3.put_object(Bucket=IMAGES, Key="incoming/scones-verify/of-a-user.png", Body=b"x")
    stack.s3.put_object(Bucket=IMAGES, Key="incoming/a.png", Body=b"y")
    verified(scones)
    kept = {name for name in stack.left() if name.startswith((IMAGES, RESULTS))}
    assert {f"{IMAGES}/incoming/scones-verify/of-a-user.png", f"{IMAGES}/incoming/a.png"} <= kept
    assert len(kept) == 4  # and their results


def test_an_image_without_outcome(scones: Scones, stack: VerifiableStack) -> None:
    stack.loses = "motorcycle"
    document = verified(scones, "--timeout", "10", code=1)
    assert rows(document, "failed") == [("outcome", "motorcycle.png")]
    assert stack.left() == []


def wrong_outcome(document: dict[str, Any]) -> None:
    if document["outcome"] == "rejected":
        document |= {"outcome": "failed"}


@pytest.mark.parametrize(
    ("change", "checks"),
    [
        (wrong_outcome, {"outcome"}),
        (lambda one: one.update(labels=["cat", "dog"]), {"result document"}),
        (lambda one: one.update(reason=""), {"result document"}),
        (lambda one: one["image"].update(size=1), {"result document"}),
        (lambda one: one.pop("started_at"), {"result document"}),
        (lambda one: one.update(inferences=[0.2, 0.3, 0.5]) if one["label"] else None, {"result document"}),
    ],
)
def test_a_document_that_is_not_as_promised(
    scones: Scones, stack: VerifiableStack, change: Any, checks: set[str]
) -> None:
    stack.change_document = change
    assert failed_checks(scones, "--no-metrics") == checks
    assert stack.left() == []


def test_a_second_result_of_an_image(scones: Scones, stack: VerifiableStack) -> None:
    def store_twice(document: dict[str, Any]) -> None:
        if document["outcome"] == "passed":
            stack.store(document | {"label": "motorcycle"})

    stack.change_document = store_twice
    assert "outcome" in failed_checks(scones, "--no-metrics")
    assert stack.left() == []


@pytest.mark.parametrize(
    "change",
    [
        lambda item: item.update(state_shard={"S": "open#3"}),
        lambda item: item.update(outcome={"S": "failed"}),
        lambda item: item.update(label={"S": "elsewhere"}),
        lambda item: item.update(execution={"S": "another"}),
    ],
)
def test_a_claim_that_is_not_closed_as_it_should_be(
    scones: Scones, stack: VerifiableStack, change: Any
) -> None:
    stack.change_claim = change
    assert failed_checks(scones, "--no-metrics") == {"claim"}


def test_a_claim_that_stays_open_keeps_what_a_later_clean_up_needs(
    scones: Scones, stack: VerifiableStack
) -> None:
    stack.keeps_claim_open = True
    document = verified(scones, "--no-metrics", code=1)
    assert {check for check, _ in rows(document, "failed")} == {"claim", "clean-up"}
    assert any("executions still run" in line for line in document["left"])
    claims = [name for name in stack.left() if name.startswith("claim")]
    images = [name for name in stack.left() if name.startswith(IMAGES)]
    assert (len(claims), len(images)) == (4, 4)


def test_reviews_that_nobody_hears_of(scones: Scones, stack: VerifiableStack) -> None:
    stack.publishes, stack.unsure = False, True
    document = verified(scones, "--no-metrics", code=1)
    missed = [check for check in rows(document, "failed") if check[0] == "review message"]
    assert {check for check, _ in rows(document, "failed")} == {"review message"}
    assert len(missed) > 1
    assert stack.now < 2 * DELIVERY_S  # not a minute for each of them


def test_an_alert_about_an_image_that_is_fine(scones: Scones, stack: VerifiableStack) -> None:
    stack.alerts = True
    assert failed_checks(scones, "--no-metrics") == {"no alert"}


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
def test_a_second_start_that_runs_the_image_again(scones: Scones, stack: VerifiableStack, kind: str) -> None:
    stack.kind, stack.runs_again = kind, True
    found = failed_checks(scones, "--no-metrics")
    assert found == {"second start", "no message twice", "log of second start"}
    assert stack.left() == []


def test_a_second_start_that_ends_otherwise(scones: Scones, stack: VerifiableStack) -> None:
    stack.ends_again_as = "passed"
    assert failed_checks(scones, "--no-metrics") == {"second start"}


def test_an_express_workflow_is_judged_without_asking_for_executions(
    scones: Scones, stack: VerifiableStack
) -> None:
    stack.kind = "EXPRESS"  # the fake refuses to describe executions of it
    document = verified(scones)
    assert (document["passed"], document["workflow_type"]) == (True, "EXPRESS")


def test_logs_without_lines_of_the_execution(scones: Scones, stack: VerifiableStack) -> None:
    stack.logs = False
    assert failed_checks(scones, "--no-metrics") == {"log lines"}


def test_lines_with_another_correlation_id(scones: Scones, stack: VerifiableStack) -> None:
    stack.change_log = lambda line: line.update(correlation_id=f"not {line['correlation_id']}")
    assert failed_checks(scones, "--no-metrics") == {"log lines"}


def test_lines_without_a_trace(scones: Scones, stack: VerifiableStack) -> None:
    stack.change_log = lambda line: line.pop("xray_trace_id")
    assert failed_checks(scones, "--no-metrics") == {"trace id"}


def test_metrics_that_do_not_arrive(scones: Scones, stack: VerifiableStack) -> None:
    stack.measures = False
    document = verified(scones, code=1)
    assert rows(document, "failed") == [("metrics", name) for name in ("serialize", "classify", "filter")]
    assert stack.now < 500


@pytest.mark.parametrize(
    ("refused", "unchecked"),
    [
        ("CreateQueue", {"review message", "no alert", "no message twice"}),
        ("Subscribe", {"review message", "no alert", "no message twice"}),
        ("FilterLogEvents", {"log lines", "log of second start"}),
        ("GetMetricStatistics", {"metrics"}),
    ],
)
def test_what_the_caller_may_not_do_is_not_checked_and_says_so(
    scones: Scones, stack: VerifiableStack, refused: str, unchecked: set[str]
) -> None:
    with watched_calls(refused):
        document = verified(scones)
    assert {check for check, _ in rows(document, "not checked")} == unchecked
    details = [row["detail"] for row in document["checks"] if row["state"] == "not checked"]
    assert all(f"not allowed to call {refused}" in detail for detail in details)
    assert stack.left() == []


def test_a_caller_who_may_do_nothing_with_queues_leaves_nothing(
    scones: Scones, stack: VerifiableStack
) -> None:
    with watched_calls("CreateQueue", "GetQueueUrl", "ListSubscriptionsByTopic"):
        assert verified(scones, "--no-metrics")["left"] == []
    assert stack.left() == []


def test_a_clean_up_that_is_refused_names_what_is_left_and_the_command(
    scones: Scones, stack: VerifiableStack
) -> None:
    with watched_calls("DeleteItem"):
        result = scones("verify", "--no-metrics")
    assert result.exit_code == 1
    assert "left: claims: not allowed to call DeleteItem" in result.stderr
    command = result.stderr.split("`scones verify ")[-1].split("`")[0]
    assert stack.left() != []
    cleaned = scones("verify", *command.split()[-2:])
    assert cleaned.exit_code == 0, cleaned.stderr
    assert "4 claims" in cleaned.stderr
    assert stack.left() == []


def test_keep_leaves_everything_and_says_how_to_remove_it(scones: Scones, stack: VerifiableStack) -> None:
    result = scones("verify", "--no-metrics", "--keep")
    assert result.exit_code == 0
    assert len(stack.left()) == 4 + 4 + 4 + 1 + 2
    run = result.stderr.split("--clean ")[-1].split("`")[0]
    decided = f"reviewed/cannot_tell/scones-verify/{run}/unsure.png/e.json"  # by a person who had its address
    stack.s3.put_object(Bucket=RESULTS, Key=decided, Body=b"{}")
    assert scones("verify", "--clean", run).exit_code == 0
    assert stack.left() == []


def test_clean_takes_the_id_of_a_run_and_nothing_else(scones: Scones, stack: VerifiableStack) -> None:
    for given in ("..", "", "20261126T201500Z-4f2a1c/../x", "*"):
        result = scones("verify", "--clean", given)
        assert result.exit_code == 2
        assert "not the id of a run" in result.stderr


@pytest.mark.parametrize("moment", [1, 3, 5])
def test_ctrl_c_cleans_up_and_shows_what_was_checked(
    scones: Scones, stack: VerifiableStack, moment: int
) -> None:
    stack.interrupt_at = moment
    stack.publishes = False  # so that it waits
    result = scones("verify", "--json")
    assert result.exit_code == 130
    document = json.loads(result.stdout)
    assert (document["interrupted"], document["passed"]) == (True, False)
    assert stack.left() == []


def test_failed_says_whom_it_alerts_and_does_nothing_without_a_yes(
    scones: Scones, stack: VerifiableStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    sns = boto3.client("sns", region_name="us-east-1")
    sns.subscribe(TopicArn=stack.topics["alert"], Protocol="email", Endpoint="operator@example.com")
    sns.subscribe(
        TopicArn=stack.topics["alert"], Protocol="https", Endpoint="https://hooks.example.com/s3cr3t"
    )
    result = scones("verify", "--failed")
    assert result.exit_code == 2
    assert "email o***@example.com" in result.stderr
    assert "https https://hooks.example.com/***" in result.stderr
    assert "operator@" not in result.stderr
    assert "s3cr3t" not in result.stderr
    monkeypatch.setattr("scones.verify.command.can_ask", lambda: True)
    monkeypatch.setattr("click.confirm", lambda *_given, **_more: False)
    assert scones("verify", "--failed").exit_code == 1
    assert stack.left() == []
    assert stack.executions == {}


def test_failed_sees_the_document_the_claim_and_the_alert(scones: Scones, stack: VerifiableStack) -> None:
    document = verified(scones, "--failed", "--yes", "--no-metrics")
    assert {
        ("failed outcome", "unreadable.png"),
        ("claim", "unreadable.png"),
        ("alert", "alert topic"),
    } <= set(rows(document, "ok"))
    assert stack.left() == []


def test_a_failure_without_a_readable_reason(scones: Scones, stack: VerifiableStack) -> None:
    stack.fails_readably = False
    assert failed_checks(scones, "--failed", "--yes", "--no-metrics") == {"failed outcome", "alert"}


def test_a_bug_of_the_command_leaves_nothing_behind_either(
    scones: Scones, stack: VerifiableStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_verification: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("scones.verify.run.check_claims", broken)
    assert isinstance(scones("verify").exception, RuntimeError)
    assert stack.left() == []
