"""Decisions of reviewers on a table and a bucket of moto: each image gets one, and nothing is lost on the way to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from email.utils import formatdate
from threading import Barrier
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from moto import mock_aws

from scones.decisions.aws_clock import AwsClock
from scones.decisions.decision import Verdict
from scones.decisions.review_errors import (
    DecidedByOtherError,
    DecisionNotWrittenError,
    DecisionUnknownError,
    ImageGoneError,
    LeaseLostError,
    NotAllowedError,
    NotRecordedYetError,
    NotWaitingError,
    ReviewError,
    TooManyDecisionsError,
)
from scones.decisions.review_queue import LEASE_S, QueueLength
from scones.decisions.reviewer import Reviewer
from scones.pace import Pace
from tests.fakes.review_stack import CLAIMS, IMAGES, ReviewStack

HOUR_S = 3600.0


class Time:
    """A wall clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def cloud() -> Iterator[ReviewStack]:
    with mock_aws():
        yield ReviewStack()


@pytest.fixture
def time() -> Time:
    return Time()


def reviewer_of(cloud: ReviewStack, aws: Time, machine: Time | None = None) -> Reviewer:
    """A session with AWS, where it is one time, on a machine that may have another."""
    own = machine or aws

    def sleep(seconds: float) -> None:
        own.now += seconds

    def date(http_response: Any, **_: Any) -> None:
        http_response.headers["date"] = formatdate(aws.now, usegmt=True)

    reviewer = Reviewer(cloud.connection, cloud.stack, clock=AwsClock(own), pace=Pace(clock=own, sleep=sleep))
    reviewer._stepfunctions = cloud.recorder  # type: ignore[assignment]
    for client in (reviewer._claims._dynamodb, reviewer._s3):
        client.meta.events.register_first("after-call", date)
    return reviewer


@pytest.fixture
def reviewer(cloud: ReviewStack, time: Time) -> Reviewer:
    return reviewer_of(cloud, time)


# The queue


def test_a_stack_without_a_single_image_has_an_empty_queue(reviewer: Reviewer) -> None:
    assert list(reviewer.waiting()) == []
    assert reviewer.take() == []
    assert reviewer.count() == QueueLength(0, is_complete=True)


def test_images_wait_oldest_first_across_all_partitions(cloud: ReviewStack, reviewer: Reviewer) -> None:
    minutes = [(7 * number) % 40 for number in range(40)]
    images = [cloud.add(f"{minute}.png", minute=minute) for minute in minutes]
    cloud.add("passed.png", outcome="passed")
    assert len({image.shard for image in images}) > 5
    assert [image.key for image in reviewer.waiting()] == [f"incoming/{minute}.png" for minute in range(40)]
    assert reviewer.count() == QueueLength(40, is_complete=True)


def test_all_pages_of_a_partition_are_read(
    cloud: ReviewStack, reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.index._PAGE", 2)
    for number in range(40):
        cloud.add(f"{number}.png", minute=number)
    assert len(list(reviewer.waiting())) == 40


def test_counting_stops_at_its_limit_and_says_so(cloud: ReviewStack, reviewer: Reviewer) -> None:
    for number in range(30):
        cloud.add(f"{number}.png")
    count = reviewer.count(at_most=16)
    assert not count.is_complete
    assert 8 <= count.images <= 16


def test_the_queue_is_read_without_any_guess(cloud: ReviewStack, reviewer: Reviewer) -> None:
    """No request before the decision names an outcome, a label or a confidence, or asks for all attributes."""
    image = cloud.add("a.png")
    requests = requests_of(reviewer)
    [taken] = reviewer.take()
    reviewer.renew(taken)
    reviewer.open(taken)
    reviewer.count()
    assert taken == image
    reads = [request for name, request in requests if name in {"Query", "GetItem"}]
    assert reads
    for request in reads:
        named = {*re.split(r"[ ,]+", request.get("ProjectionExpression", ""))}
        named |= set(request.get("ExpressionAttributeNames", {}).values())
        assert request.get("Select") in {"SPECIFIC_ATTRIBUTES", "COUNT"}
        assert not named & {"outcome", "label", "confidence", "reason", "model_version", "decisions"}


# Leases


def test_a_leased_image_is_for_one_reviewer_only(cloud: ReviewStack, reviewer: Reviewer, time: Time) -> None:
    first, second = cloud.add("1.png", minute=1), cloud.add("2.png", minute=2)
    other = reviewer_of(cloud, time)
    assert reviewer.take() == [first]
    assert [image.key for image in other.take()] == [second.key]
    assert other.take() == []
    reviewer.release(first)
    assert [image.key for image in other.take()] == [first.key]


def test_a_lease_is_for_ten_minutes_and_longer_while_the_image_is_shown(
    cloud: ReviewStack, reviewer: Reviewer, time: Time
) -> None:
    image = cloud.add("1.png")
    other = reviewer_of(cloud, time)
    reviewer.take()
    time.now += LEASE_S - 1
    reviewer.renew(image)
    time.now += LEASE_S - 1
    assert other.take() == []
    time.now += 2
    assert [taken.key for taken in other.take()] == [image.key]


def test_a_lid_that_was_closed_while_another_reviewer_took_the_image(
    cloud: ReviewStack, reviewer: Reviewer, time: Time
) -> None:
    image = cloud.add("1.png")
    other = reviewer_of(cloud, time)
    reviewer.take()
    time.now += LEASE_S + 1
    other.take()
    with pytest.raises(LeaseLostError, match="take the next image"):
        reviewer.renew(image)
    other.decide(image, "bicycle")
    with pytest.raises(DecidedByOtherError, match="was decided by arn:aws:"):
        reviewer.renew(image)
    with pytest.raises(DecidedByOtherError):
        reviewer.decide(image, "motorcycle")
    assert cloud.decisions(image) == ["bicycle"]


def test_releasing_the_lease_of_another_reviewer_does_nothing(
    cloud: ReviewStack, reviewer: Reviewer, time: Time
) -> None:
    image = cloud.add("1.png")
    reviewer.take()
    reviewer_of(cloud, time).release(image)
    assert "lease_by" in cloud.claim(image)


def test_the_images_that_a_reviewer_skipped_are_left_to_others(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    first, second = cloud.add("1.png", minute=1), cloud.add("2.png", minute=2)
    assert [image.key for image in reviewer.take(5, leave=[first])] == [second.key]


@pytest.mark.parametrize("wrong_by_s", [HOUR_S, -HOUR_S])
def test_a_machine_whose_clock_is_an_hour_off_leases_by_the_clock_of_aws(
    cloud: ReviewStack, time: Time, wrong_by_s: float
) -> None:
    image = cloud.add("1.png")
    wrong = Time()
    wrong.now = time.now + wrong_by_s
    reviewer, other = reviewer_of(cloud, time, wrong), reviewer_of(cloud, time)
    reviewer.count()  # any answer sets the clock
    reviewer.take()
    assert int(cloud.claim(image)["lease_until"]["N"]) == pytest.approx(time.now + LEASE_S, abs=2)
    assert other.take() == []
    time.now += LEASE_S + 5
    wrong.now += LEASE_S + 5
    assert [taken.key for taken in other.take()] == [image.key]
    decided = other.decide(image, "bicycle")
    assert decided.decision.at.startswith("2026-")


# Decisions


def test_a_decision_is_one_record_in_the_claim_and_starts_its_recording(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    image = cloud.add("1.png")
    cloud.recorder.is_slow = True
    [taken] = reviewer.take()
    decided = reviewer.decide(taken, "bicycle", took_ms=1834)
    claim = cloud.claim(image)
    assert decided.problem is None
    assert claim["decisions"]["L"] == [
        {
            "M": {
                "id": {"S": decided.decision.id},
                "label": {"S": "bicycle"},
                "by": {"S": reviewer.by},
                "at": {"S": decided.decision.at},
                "took_ms": {"N": "1834"},
            }
        }
    ]
    assert claim["decision"] == {"S": decided.decision.id}
    assert claim["state_shard"] == {"S": f"record#{image.shard}"}
    assert claim["state_since"] == {"S": decided.decision.at}
    assert not {"lease_by", "lease_until"} & set(claim)
    assert re.fullmatch(r"[0-9a-f]{32}", decided.decision.id)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", decided.decision.at)
    assert cloud.recorder.started == [{"image_key": image.key, "etag": image.etag}]
    assert cloud.recorder.names == [decided.decision.id]
    assert list(reviewer.waiting()) == []


@pytest.mark.parametrize("label", ["neither", "cannot_tell"])
def test_a_person_may_say_that_it_is_none_or_that_nobody_can_tell(
    cloud: ReviewStack, reviewer: Reviewer, label: str
) -> None:
    image = cloud.add("1.png")
    reviewer.decide(image, label)
    assert cloud.decisions(image) == [label]


@pytest.mark.parametrize("label", ["car", "undone", "", "Bicycle"])
def test_a_label_that_the_stack_does_not_have_is_refused(
    cloud: ReviewStack, reviewer: Reviewer, label: str
) -> None:
    image = cloud.add("1.png")
    with pytest.raises(ReviewError, match="it has bicycle, motorcycle, neither, cannot_tell"):
        reviewer.decide(image, label)
    assert cloud.decisions(image) == []


def test_twenty_reviewers_on_one_queue_decide_each_image_once(cloud: ReviewStack, time: Time) -> None:
    images = [cloud.add(f"{number}.png", minute=number % 60) for number in range(40)]
    together = Barrier(20)

    def review(number: int) -> list[str]:
        reviewer = reviewer_of(cloud, time)
        decided = []
        together.wait(timeout=60)
        while taken := reviewer.take(3):
            for image in taken:
                reviewer.decide(image, ("bicycle", "motorcycle")[number % 2])
                decided.append(image.key)
        return decided

    with cloud.one_write_at_a_time(), ThreadPoolExecutor(20) as threads:
        shares = list(threads.map(review, range(20)))
    assert sorted(key for share in shares for key in share) == sorted(image.key for image in images)
    assert all(len(cloud.decisions(image)) == 1 for image in images)


def test_twenty_decisions_about_one_image_without_leases_have_one_winner(
    cloud: ReviewStack, time: Time
) -> None:
    image = cloud.add("1.png")
    together = Barrier(20)

    def decide(number: int) -> str | None:
        reviewer = reviewer_of(cloud, time)
        together.wait(timeout=60)
        try:
            return reviewer.decide(image, ("bicycle", "motorcycle")[number % 2]).decision.id
        except DecidedByOtherError:
            return None

    with cloud.one_write_at_a_time(), ThreadPoolExecutor(20) as threads:
        won = [decision for decision in threads.map(decide, range(20)) if decision]
    assert won == [cloud.claim(image)["decision"]["S"]]
    assert len(cloud.decisions(image)) == 1


def test_a_recording_that_cannot_be_started_is_left_to_the_sweep(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    image = cloud.add("1.png")
    cloud.recorder.failure = refusal("AccessDeniedException", "StartExecution")
    decided = reviewer.decide(image, "bicycle")
    assert decided.problem is not None
    assert "states:StartExecution" in decided.problem
    assert cloud.claim(image)["state_shard"]["S"].startswith("record#")


# Bytes


def test_the_version_that_was_classified_is_shown_and_decided(cloud: ReviewStack, reviewer: Reviewer) -> None:
    image = cloud.add("1.png", body=b"as classified")
    cloud.s3.put_object(Bucket=IMAGES, Key=image.key, Body=b"another")
    assert reviewer.open(image) == b"as classified"
    reviewer.decide(image, "bicycle")
    assert cloud.decisions(image) == ["bicycle"]


@pytest.mark.parametrize("versioned", [True, False])
def test_a_deleted_image_leaves_the_queue_as_gone_and_never_with_a_label(versioned: bool, time: Time) -> None:
    """Also where it is deleted while it is shown, and although the bucket still has the version."""
    with mock_aws():
        cloud = ReviewStack(versioned=versioned)
        reviewer = reviewer_of(cloud, time)
        image = cloud.add("1.png")
        reviewer.open(image)
        cloud.s3.delete_object(Bucket=IMAGES, Key=image.key)
        with pytest.raises(ImageGoneError, match="deleted or has expired"):
            reviewer.open(image)
        with pytest.raises(ImageGoneError):
            reviewer.decide(image, "bicycle")
        assert cloud.decisions(image) == []
        reviewer.decide(image, "gone")
        assert cloud.decisions(image) == ["gone"]
        assert list(reviewer.waiting()) == []


def test_a_version_that_was_deleted_is_gone_although_the_key_has_a_newer_one(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    image = cloud.add("1.png")
    cloud.s3.put_object(Bucket=IMAGES, Key=image.key, Body=b"another")
    cloud.s3.delete_object(Bucket=IMAGES, Key=image.key, VersionId=image.version_id or "")
    with pytest.raises(ImageGoneError):
        reviewer.decide(image, "bicycle")


def test_an_image_that_was_replaced_in_a_bucket_without_versions_is_gone(time: Time) -> None:
    with mock_aws():
        cloud = ReviewStack(versioned=False)
        reviewer = reviewer_of(cloud, time)
        image = cloud.add("1.png")
        cloud.s3.put_object(Bucket=IMAGES, Key=image.key, Body=b"another")
        for look in (reviewer.open, lambda one: reviewer.decide(one, "bicycle")):
            with pytest.raises(ImageGoneError, match="other bytes were uploaded"):
                look(image)
        assert cloud.decisions(image) == []


def test_only_an_image_that_waits_can_be_gone(cloud: ReviewStack, reviewer: Reviewer) -> None:
    image = cloud.add("1.png", outcome="passed")
    with pytest.raises(ReviewError, match="gone is not a label"):
        reviewer.decide(image, "gone")


# Undo and correction


def test_an_undo_is_a_record_of_its_own_after_which_the_image_waits_again(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    image = cloud.add("1.png")
    decided = reviewer.decide(image, "bicycle")
    undone = reviewer.undo(decided.decision)
    assert undone.decision.replaces == decided.decision.id
    assert cloud.decisions(image) == ["bicycle", "undone"]
    assert "decision" not in cloud.claim(image)
    assert [waiting.key for waiting in reviewer.waiting()] == [image.key]
    reviewer.decide(image, "motorcycle")
    assert cloud.decisions(image) == ["bicycle", "undone", "motorcycle"]


def test_a_correction_names_the_decision_that_it_replaces(cloud: ReviewStack, reviewer: Reviewer) -> None:
    image = cloud.add("1.png")
    first = reviewer.decide(image, "bicycle").decision
    second = reviewer.correct(first, "motorcycle", took_ms=12).decision
    assert second.replaces == first.id
    assert cloud.claim(image)["decision"] == {"S": second.id}
    with pytest.raises(DecidedByOtherError):
        reviewer.undo(first)
    reviewer.undo(second)
    assert cloud.decisions(image) == ["bicycle", "motorcycle", "undone"]


def test_a_passed_image_is_corrected_and_the_correction_undone(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    passed = cloud.add("1.png", outcome="passed")
    image = reviewer.image(passed.key, passed.etag)
    assert image.version_id == passed.version_id
    decided = reviewer.decide(image, "bicycle")
    assert reviewer.model_said(decided.decision) == Verdict("passed", "motorcycle", 0.61)
    reviewer.undo(decided.decision)
    assert cloud.claim(image)["outcome"] == {"S": "passed"}
    assert list(reviewer.waiting()) == []


def test_the_decision_that_stands_is_the_newest_that_was_not_taken_back(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    image = cloud.add("1.png", outcome="passed")
    image = reviewer.image(image.key, image.etag)
    assert reviewer.decision_about(image) is None
    first = reviewer.decide(image, "bicycle", took_ms=12).decision
    assert reviewer.decision_about(image) == first
    second = reviewer.correct(first, "neither").decision
    assert reviewer.decision_about(image) == second
    cloud.recorder.is_slow = True
    reviewer.undo(second)
    with pytest.raises(NotRecordedYetError, match=r"an undo of incoming/1\.png is being recorded"):
        reviewer.decision_about(image)
    cloud.recorder.close(image.key, image.etag)
    assert reviewer.decision_about(image) is None


def test_images_of_a_verification_are_not_shown_to_people(cloud: ReviewStack, reviewer: Reviewer) -> None:
    cloud.add("scones-verify/1/unsure.png")
    image = cloud.add("scones-verify.png", minute=1)
    assert [one.key for one in reviewer.take(5)] == [image.key]


def test_an_image_that_waits_is_not_corrected_behind_the_queue(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    waiting = cloud.add("1.png")
    assert reviewer.image(waiting.key, waiting.etag).waits
    with pytest.raises(NotWaitingError, match="no outcome"):
        reviewer.image("incoming/unknown.png", "e" * 32)


@pytest.mark.parametrize("outcome", ["rejected", "failed"])
def test_what_did_not_pass_is_not_corrected(cloud: ReviewStack, reviewer: Reviewer, outcome: str) -> None:
    """The claim of a failed image that has a decision would be closed to redrive."""
    image = cloud.add("1.png", outcome=outcome)
    with pytest.raises(NotWaitingError, match=f"has the outcome {outcome}: people correct only what passed"):
        reviewer.image(image.key, image.etag)
    with pytest.raises(NotWaitingError):
        reviewer.decide(image, "bicycle")
    assert "decision" not in cloud.claim(image)


def test_a_passed_image_that_has_another_outcome_by_now_is_not_corrected(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    passed = cloud.add("1.png", outcome="passed")
    image = reviewer.image(passed.key, passed.etag)
    later = cloud.claim(image) | {
        "outcome": {"S": "failed"},
        "finished_at": {"S": "2026-11-01T12:00:00.000Z"},
    }
    cloud.dynamodb.put_item(TableName=CLAIMS, Item=later)
    with pytest.raises(NotWaitingError):
        reviewer.decide(image, "bicycle")
    assert "decision" not in cloud.claim(image)


def test_an_undo_waits_for_the_recording_and_says_when_it_takes_too_long(
    cloud: ReviewStack, reviewer: Reviewer, time: Time
) -> None:
    image = cloud.add("1.png")
    cloud.recorder.is_slow = True
    decided = reviewer.decide(image, "bicycle")
    before = time.now
    with pytest.raises(NotRecordedYetError, match="in a few minutes"):
        reviewer.undo(decided.decision)
    assert 15 <= time.now - before < 17
    assert cloud.decisions(image) == ["bicycle"]
    cloud.recorder.close(image.key, image.etag)
    reviewer.undo(decided.decision)
    assert cloud.decisions(image) == ["bicycle", "undone"]


def test_an_undo_starts_a_recording_that_could_not_be_started(cloud: ReviewStack, reviewer: Reviewer) -> None:
    image = cloud.add("1.png")
    cloud.recorder.failure = refusal("ThrottlingException", "StartExecution")
    decided = reviewer.decide(image, "bicycle")
    assert decided.problem is not None
    cloud.recorder.failure = None
    reviewer.undo(decided.decision)
    assert cloud.decisions(image) == ["bicycle", "undone"]
    assert "decision" not in cloud.claim(image)


def test_a_claim_keeps_twenty_decisions_and_the_last_stands(cloud: ReviewStack, reviewer: Reviewer) -> None:
    image = cloud.add("1.png")
    decision = reviewer.decide(image, "bicycle").decision
    claim = cloud.claim(image)
    claim["decisions"]["L"] = [claim["decisions"]["L"][0]] * 19
    cloud.dynamodb.put_item(TableName=CLAIMS, Item=claim)
    decision = reviewer.correct(decision, "motorcycle").decision
    with pytest.raises(TooManyDecisionsError, match="20 decisions"):
        reviewer.correct(decision, "neither")
    assert len(cloud.decisions(image)) == 20
    assert cloud.claim(image)["decision"] == {"S": decision.id}


def test_an_undo_leaves_room_for_the_decision_after_it(cloud: ReviewStack, reviewer: Reviewer) -> None:
    """Else the image would wait for ever: no decision could be added, not even that it is gone."""
    image = cloud.add("1.png")
    decision = reviewer.decide(image, "bicycle").decision
    for entries in (18, 19):
        claim = cloud.claim(image)
        claim["decisions"]["L"] = [claim["decisions"]["L"][0]] * (entries - 1) + claim["decisions"]["L"][-1:]
        cloud.dynamodb.put_item(TableName=CLAIMS, Item=claim)
        if entries == 18:
            reviewer.undo(decision)
            decision = reviewer.decide(image, "motorcycle").decision
        else:
            with pytest.raises(TooManyDecisionsError, match="19 decisions, and 20 are kept"):
                reviewer.undo(decision)
    assert cloud.claim(image)["decision"] == {"S": decision.id}


# Agreement


@pytest.mark.parametrize("is_recorded", [True, False])
def test_what_the_model_said_is_known_after_the_decision(
    cloud: ReviewStack, reviewer: Reviewer, is_recorded: bool
) -> None:
    image = cloud.add("1.png")
    cloud.recorder.is_slow = not is_recorded
    decided = reviewer.decide(image, "bicycle")
    assert reviewer.model_said(decided.decision) == Verdict("review", "motorcycle", 0.61)


def test_after_a_correction_it_is_still_the_model_that_is_compared(
    cloud: ReviewStack, reviewer: Reviewer
) -> None:
    first = reviewer.decide(cloud.add("1.png"), "bicycle").decision
    cloud.recorder.is_slow = True
    second = reviewer.correct(first, "neither").decision
    assert reviewer.model_said(second) == Verdict("review", "motorcycle", 0.61)


# Faults


def refusal(code: str, operation: str, status: int = 400, retries: int = 0) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status, "RetryAttempts": retries},
    }
    return ClientError(answer, operation)


class Faulty:
    """A DynamoDB client whose next writes or reads end with an error, before or after they are done."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.update_errors: list[tuple[Exception, bool]] = []
        self.read_error: Exception | None = None

    def update_item(self, **request: Any) -> Any:
        error, is_done = self.update_errors.pop(0) if self.update_errors else (None, True)
        answer = self.client.update_item(**request) if is_done else None
        if error:
            raise error
        return answer

    def get_item(self, **request: Any) -> Any:
        if self.read_error:
            raise self.read_error
        return self.client.get_item(**request)


@pytest.fixture
def faulty(reviewer: Reviewer) -> Faulty:
    faulty = Faulty(reviewer._claims._dynamodb)
    reviewer._claims._dynamodb = faulty  # type: ignore[assignment]
    return faulty


LOST = ReadTimeoutError(endpoint_url="https://dynamodb")
FAULT = refusal("InternalServerError", "UpdateItem", status=500)
EXPIRED = refusal("ExpiredTokenException", "UpdateItem")


@pytest.mark.parametrize("error", [LOST, FAULT, refusal("ExpiredTokenException", "UpdateItem", retries=1)])
def test_a_write_whose_answer_was_lost_has_won(
    cloud: ReviewStack, reviewer: Reviewer, faulty: Faulty, error: Exception
) -> None:
    image = cloud.add("1.png")
    faulty.update_errors = [(error, True)]
    decided = reviewer.decide(image, "bicycle")
    assert cloud.claim(image)["decision"] == {"S": decided.decision.id}
    assert len(cloud.recorder.started) == 1


def test_a_write_that_botocore_sent_twice_has_won(
    cloud: ReviewStack, reviewer: Reviewer, faulty: Faulty
) -> None:
    image = cloud.add("1.png")
    faulty.update_errors = [(refusal("ConditionalCheckFailedException", "UpdateItem", retries=1), True)]
    decided = reviewer.decide(image, "bicycle")
    assert cloud.claim(image)["decision"] == {"S": decided.decision.id}


@pytest.mark.parametrize("error", [LOST, FAULT, EXPIRED])
def test_a_write_that_was_not_done_is_said_to_be_not_written_and_can_be_repeated(
    cloud: ReviewStack, reviewer: Reviewer, faulty: Faulty, error: Exception
) -> None:
    image = cloud.add("1.png")
    faulty.update_errors = [(error, False)]
    with pytest.raises(DecisionNotWrittenError, match="was not written") as caught:
        reviewer.decide(image, "bicycle")
    assert not isinstance(caught.value, DecisionUnknownError)
    assert cloud.decisions(image) == []
    reviewer.write(caught.value.decision)
    assert cloud.decisions(image) == ["bicycle"]


def test_credentials_that_end_mid_decision_say_that_it_was_not_written_without_asking_again(
    cloud: ReviewStack, reviewer: Reviewer, faulty: Faulty
) -> None:
    image = cloud.add("1.png")
    faulty.update_errors = [(EXPIRED, False)]
    faulty.read_error = refusal("ExpiredTokenException", "GetItem")
    with pytest.raises(
        DecisionNotWrittenError, match="not written: the AWS session has expired: sign in again"
    ):
        reviewer.decide(image, "bicycle")


@pytest.mark.parametrize(
    ("error", "is_done"),
    [
        (LOST, True),
        (LOST, False),
        (refusal("ConditionalCheckFailedException", "UpdateItem", retries=1), True),
    ],
)
def test_where_nothing_can_be_known_the_same_decision_can_be_written_again_and_counts_once(
    cloud: ReviewStack, reviewer: Reviewer, faulty: Faulty, error: Exception, is_done: bool
) -> None:
    image = cloud.add("1.png")
    faulty.update_errors = [(error, is_done)]
    faulty.read_error = refusal("ExpiredTokenException", "GetItem")
    with pytest.raises(DecisionUnknownError, match="not known whether") as caught:
        reviewer.decide(image, "bicycle")
    faulty.read_error = None
    reviewer.write(caught.value.decision)
    assert cloud.decisions(image) == ["bicycle"]
    assert cloud.claim(image)["decision"] == {"S": caught.value.decision.id}


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("Query", "dynamodb:Query"),
        ("UpdateItem", "dynamodb:UpdateItem"),
        ("GetItem", "dynamodb:GetItem"),
        ("GetObject", "s3:GetObjectVersion"),
        ("HeadObject", "s3:ListBucket"),
    ],
)
def test_a_permission_that_is_missing_or_lost_is_named(
    cloud: ReviewStack, reviewer: Reviewer, operation: str, action: str
) -> None:
    image = cloud.add("1.png")
    calls: dict[str, Callable[[], object]] = {
        "Query": reviewer.take,
        "UpdateItem": lambda: reviewer.decide(image, "bicycle"),
        "GetItem": lambda: reviewer.image(image.key, image.etag),
        "GetObject": lambda: reviewer.open(image),
        "HeadObject": lambda: reviewer.decide(image, "bicycle"),
    }
    with refused(reviewer, operation), pytest.raises(NotAllowedError, match=action):
        calls[operation]()
    assert cloud.decisions(image) == []


def requests_of(reviewer: Reviewer) -> list[tuple[str, dict[str, Any]]]:
    """Record the requests that a session makes to DynamoDB and S3 from now on."""
    requests: list[tuple[str, dict[str, Any]]] = []
    for client in (reviewer._claims._dynamodb, reviewer._s3):
        client.meta.events.register(
            "provide-client-params",
            lambda params, model, **_: requests.append((model.name, dict(params))),
        )
    return requests


@contextmanager
def refused(reviewer: Reviewer, operation: str) -> Iterator[None]:
    """Answer one operation of the session with AccessDenied."""

    def deny(model: Any, **_: Any) -> Any:
        if model.name != operation:
            return None
        error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
        return Answer(), error | {"ResponseMetadata": {"HTTPStatusCode": 400}}

    clients = (reviewer._claims._dynamodb, reviewer._s3)
    for client in clients:
        client.meta.events.register("before-call", deny)
    yield
    for client in clients:
        client.meta.events.unregister("before-call", deny)


class Answer:
    """A response without headers."""

    status_code = 400
    headers: dict[str, str] = {}  # noqa: RUF012
