"""The audit's images as reviewers get them, second looks, and what the certificate reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from scones.audits import ask_second_look, drawn, missed
from scones.decisions.aws_clock import AwsClock
from scones.decisions.review_errors import NotWaitingError, ReviewError
from scones.decisions.review_image import ReviewImage
from scones.decisions.reviewer import Reviewer
from scones.errors import SconesError
from scones.index import time_text
from tests.fakes.claims_table import ClaimsTable
from tests.fakes.review_stack import CLAIMS, ReviewStack

KIM, LEE = "arn:aws:iam::123456789012:user/kim", "arn:aws:iam::123456789012:user/lee"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DRAW = {
    "u": {"N": "0.0125000000000000"},
    "at": {"S": "2026-11-01T11:00:00.000Z"},
    "label": {"S": "motorcycle"},
    "confidence": {"N": "0.61"},
    "threshold": {"N": "0.5"},
    "passed": {"BOOL": True},
    "endpoint": {"S": "e"},
    "labels": {"S": "bicycle,motorcycle"},
    "share": {"N": "0.02"},
}


@pytest.fixture
def cloud() -> Iterator[ReviewStack]:
    with mock_aws():
        yield ReviewStack()


def reviewer(cloud: ReviewStack, by: str = KIM) -> Reviewer:
    found = Reviewer(cloud.connection, cloud.stack, clock=AwsClock(NOW.timestamp))
    found._stepfunctions = cloud.recorder  # type: ignore[assignment]
    found.__dict__["by"] = by
    return found


def audited(cloud: ReviewStack, name: str, **more: Any) -> ReviewImage:
    """Add an image that waits and was drawn."""
    image = cloud.add(name, **more)
    put(
        cloud,
        image,
        {
            "draw": {"M": DRAW},
            "draw_shard": {"S": f"drawn#{image.shard}"},
            "draw_at": DRAW["at"],
            "one_by_one": {"BOOL": True},
        },
    )
    return image


def put(cloud: ReviewStack, image: ReviewImage, more: dict[str, Any]) -> None:
    cloud.dynamodb.put_item(TableName=CLAIMS, Item=cloud.claim(image) | more)


def draw_of(cloud: ReviewStack, image: ReviewImage) -> Any:
    table = ClaimsTable()
    table.put(cloud.claim(image))
    (found,) = drawn(table, table.name)  # type: ignore[arg-type]
    return found


def ask(cloud: ReviewStack, image: ReviewImage, now: datetime = NOW) -> bool:
    return ask_second_look(cloud.dynamodb, CLAIMS, draw_of(cloud, image), now)


def test_a_drawn_image_is_never_decided_in_a_burst(
    cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, alone, other = cloud.add("a/1"), audited(cloud, "a/2"), cloud.add("a/3")
    monkeypatch.setattr("scones.decisions.reviewer.burst_of", lambda *_: [alone, other])
    kim = reviewer(cloud)
    assert kim.burst_of(first, lambda _: None, held=[alone]) == [other]
    assert "lease_by" not in cloud.claim(alone)
    assert [image.key for image in reviewer(cloud, LEE).take(3)] == [first.key, alone.key]


def test_a_second_person_looks_and_the_decision_stands(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    before = cloud.claim(image)
    assert ask(cloud, image)
    assert not ask(cloud, image)  # it waits already
    (again,) = reviewer(cloud, LEE).take()
    assert (again.key, again.waits) == (image.key, True)
    decided = reviewer(cloud, LEE).decide(again, "motorcycle", 1200)
    assert decided.problem is None
    claim = cloud.claim(image)
    (look,) = claim.pop("second_looks")["L"]
    assert (look["M"]["label"]["S"], look["M"]["by"]["S"], look["M"]["took_ms"]["N"]) == (
        "motorcycle",
        LEE,
        "1200",
    )
    assert claim == before
    assert len(cloud.recorder.started) == 1  # nothing follows from a second look
    found = draw_of(cloud, image)
    assert (found.decision, found.by, [one.label for one in found.second]) == ("bicycle", KIM, ["motorcycle"])


def test_written_twice_a_second_look_is_one(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    ask(cloud, image)
    lee = reviewer(cloud, LEE)
    decided = lee.decide(image, "motorcycle")
    lee.write(decided.decision)
    assert len(cloud.claim(image)["second_looks"]["L"]) == 1


@pytest.mark.parametrize(("days", "may"), [(0, False), (6, False), (8, True)])
def test_nobody_checks_a_decision_of_his_own_before_a_week_is_over(
    cloud: ReviewStack, days: int, may: bool
) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    claim = cloud.claim(image)
    claim["decisions"]["L"][0]["M"]["at"] = {"S": (NOW - timedelta(days=days)).isoformat()}
    put(cloud, image, claim)
    ask(cloud, image)
    kim = reviewer(cloud)
    if may:
        kim.decide(image, "bicycle")
        assert len(cloud.claim(image)["second_looks"]["L"]) == 1
    else:
        with pytest.raises(NotWaitingError, match="is for another person"):
            kim.decide(image, "bicycle")
        assert "second_looks" not in cloud.claim(image)
        reviewer(cloud, LEE).decide(image, "bicycle")


def test_a_second_look_is_given_to_the_first_person_only_if_nobody_else_takes_it_for_a_week(
    cloud: ReviewStack,
) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    now = datetime.now(UTC)  # as the emulated AWS says it, by which a reviewer sets its clock
    ask(cloud, image, now)
    assert reviewer(cloud).take() == []
    put(cloud, image, cloud.claim(image) | {"state_since": {"S": time_text(now - timedelta(days=8))}})
    (again,) = reviewer(cloud).take()
    reviewer(cloud).decide(again, "bicycle")
    assert [look["M"]["by"]["S"] for look in cloud.claim(image)["second_looks"]["L"]] == [KIM]


def test_a_decision_is_corrected_or_undone_although_a_second_look_waits(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    kim = reviewer(cloud)
    decision = kim.decide(image, "bicycle").decision
    ask(cloud, image)
    found = kim.image(image.key, image.etag)
    assert not found.waits
    assert kim.decision_about(found) == replace(decision, image=found)
    kim.correct(replace(decision, image=found), "motorcycle")
    claim = cloud.claim(image)
    assert claim["decisions"]["L"][-1]["M"]["label"] == {"S": "motorcycle"}
    assert {"second_look", "second_not", "state_shard"}.isdisjoint(claim)
    with pytest.raises(ReviewError):
        reviewer(cloud, LEE).decide(image, "bicycle")


def test_after_a_second_look_the_model_has_said_what_it_said_and_the_look_stays(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    claim = cloud.claim(image)
    said = {"outcome": {"S": "passed"}, "label": {"S": "motorcycle"}, "confidence": {"N": "0.61"}}
    claim["decisions"]["L"][0]["M"]["model_said"] = {"M": said}
    put(cloud, image, claim | {"outcome": {"S": "reviewed"}, "label": {"S": "bicycle"}})
    ask(cloud, image)
    lee = reviewer(cloud, LEE)
    look = lee.decide(image, "bicycle").decision
    assert (lee.model_said(look).outcome, lee.model_said(look).label) == ("passed", "motorcycle")
    with pytest.raises(NotWaitingError, match="beside an earlier decision"):
        lee.undo(look)


def test_a_drawn_image_has_no_burst_of_its_own(cloud: ReviewStack, monkeypatch: pytest.MonkeyPatch) -> None:
    alone, other = audited(cloud, "a/1"), cloud.add("a/2")
    monkeypatch.setattr("scones.decisions.reviewer.burst_of", lambda *_: [other])
    kim = reviewer(cloud)
    kim.take()
    assert kim.burst_of(alone, lambda _: None) == []
    assert "lease_by" not in cloud.claim(other)


def test_an_image_that_was_gone_and_came_again_is_undecided(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "gone")
    # As "Record decision" leaves it.
    cloud.dynamodb.update_item(TableName=CLAIMS, Key=image.claim_key, UpdateExpression="REMOVE decision")
    assert draw_of(cloud, image).decision == "gone"
    put(cloud, image, {"draw_at": {"S": "2999-11-27T12:00:01.000Z"}})
    assert draw_of(cloud, image).decision is None


def test_a_decision_that_is_being_taken_back_does_not_count(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    kim = reviewer(cloud)
    decision = kim.decide(image, "motorcycle").decision
    cloud.dynamodb.update_item(
        TableName=CLAIMS, Key=image.claim_key, UpdateExpression="REMOVE state_shard, state_since"
    )
    kim.undo(decision)
    assert draw_of(cloud, image).decision is None


def test_what_is_not_decided_or_not_drawn_gets_no_second_look(cloud: ReviewStack) -> None:
    undecided, plain = audited(cloud, "1"), cloud.add("2")
    assert not ask(cloud, undecided)
    draw = draw_of(cloud, undecided)
    reviewer(cloud).decide(plain, "bicycle")
    elsewhere = type(draw)(
        **{name: getattr(draw, name) for name in draw.__slots__} | {"key": plain.key, "etag": plain.etag}
    )
    assert not ask_second_look(cloud.dynamodb, CLAIMS, elsewhere, NOW)


def test_two_people_at_once_give_one_second_look(cloud: ReviewStack) -> None:
    image = audited(cloud, "1")
    reviewer(cloud).decide(image, "bicycle")
    ask(cloud, image)
    reviewer(cloud, LEE).decide(image, "bicycle")
    with pytest.raises(ReviewError):
        reviewer(cloud, "arn:max").decide(image, "bicycle")
    assert len(cloud.claim(image)["second_looks"]["L"]) == 1


def test_draws_come_in_order_between_two_times_with_what_stands(cloud: ReviewStack) -> None:
    table = ClaimsTable()
    for number in (3, 1, 2):
        image = audited(cloud, f"{number}")
        if number == 2:
            reviewer(cloud).decide(image, "gone")
        at = {"S": f"2026-11-0{number}T11:00:00.000Z"}
        table.put(cloud.claim(image) | {"draw_at": at})
    table.put(
        ReviewImage("incoming/m", "e").claim_key
        | {"draw_shard": {"S": "missed#3"}, "draw_at": {"S": "2026-11-02T11:00:00.000Z"}}
    )
    read = list(drawn(table, table.name))  # type: ignore[arg-type]
    assert [(one.key, one.decision) for one in read] == [
        ("incoming/1", None), ("incoming/2", "gone"), ("incoming/3", None),
    ]  # fmt: skip
    first = read[0]
    assert (first.u, first.label, first.confidence, first.threshold, first.passed) == (
        0.0125,
        "motorcycle",
        0.61,
        0.5,
        True,
    )
    assert (first.model_version, first.endpoint, first.labels, first.share) == (
        None,
        "e",
        "bicycle,motorcycle",
        0.02,
    )
    since, until = datetime(2026, 11, 2, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)
    assert [one.key for one in drawn(table, table.name, since=since, until=until)] == ["incoming/2"]  # type: ignore[arg-type]
    assert missed(table, table.name) == 1  # type: ignore[arg-type]
    assert missed(table, table.name, since=until) == 0  # type: ignore[arg-type]


def test_a_stack_without_the_index_says_what_to_deploy() -> None:
    table = ClaimsTable()
    said = "The table does not have the specified index: by_draw"
    table.failures.append(ClientError({"Error": {"Code": "ValidationException", "Message": said}}, "Query"))
    with pytest.raises(SconesError, match="deploy the stack with AuditShare above 0"):
        list(drawn(table, table.name))  # type: ignore[arg-type]
