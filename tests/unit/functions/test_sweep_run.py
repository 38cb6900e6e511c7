"""Whole runs of the sweep: what is started, reported and left, whatever fails meanwhile."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sweep.claims import Claim, ClaimsUnavailableError, count_sweep, read_claims
from sweep.images import Image, read_page
from sweep.rescue import message_of
from tests.fakes.aws_clients import client_error
from tests.fakes.lambda_context import FakeLambdaContext
from tests.unit.functions.sweep_stack import STANDARD, Stack


def test_only_what_was_lost_is_started(stack: Stack) -> None:
    names = ("lost", "finished", "running", "dead", "gone")
    etags = dict(zip(names, stack.put(*names), strict=True))
    stack.put("empty", "folder/", body=b"")
    stack.client("s3").put_object(Bucket="images", Key="elsewhere/a", Body=b"x")
    stack.claim("finished", etags["finished"], execution=STANDARD, finished_at="2026-11-21T10:00:00Z")
    for name, status in (("running", "RUNNING"), ("dead", "TIMED_OUT")):
        stack.claim(name, etags[name], execution=f"{STANDARD}-{name}", claim_ends=2_000_000_000)
        stack.stepfunctions.statuses[f"{STANDARD}-{name}"] = status
    stack.claim("gone", etags["gone"], execution=f"{STANDARD}-gone", claim_ends=2_000_000_000)

    answer = stack.sweep()

    assert stack.stepfunctions.keys == ["dead", "empty", "gone", "lost"]
    assert answer["looked_at"] == 6
    assert {kind: count for kind, count in answer["counts"].items() if count} == {
        "finished": 1,
        "running": 1,
        "started": 4,
    }
    whys = {one["key"]: one["why"] for one in answer["images"]["started"]}
    assert whys["incoming/dead"] == "its execution ended TIMED_OUT and left no outcome"
    assert (answer["continue_after"], answer["stopped_by"], answer["dry_run"]) == (None, None, False)


def test_the_event_is_one_the_workflow_reads(stack: Stack) -> None:
    (etag,) = stack.put("a+b c%25 é.png")
    stack.sweep()
    (event,) = stack.stepfunctions.started
    (version,) = stack.client("s3").list_object_versions(Bucket="images")["Versions"]
    assert event["redrive"] is True
    assert (event["source"], event["detail-type"]) == ("scones.sweep", "Object Created")
    assert event["detail"] == {
        "bucket": {"name": "images"},
        "object": {
            "key": "incoming/a+b c%25 é.png",
            "size": 3,
            "etag": etag,
            "version-id": version["VersionId"],
        },
    }


def test_a_replaced_image_without_outcome_is_started_too(stack: Stack) -> None:
    stack.put("a", body=b"old")
    stack.put("a", body=b"new")
    stack.put("a", body=b"old")  # the same bytes again: one image, one claim
    stack.sweep()
    assert len({event["detail"]["object"]["etag"] for event in stack.stepfunctions.started}) == 2
    assert stack.stepfunctions.keys == ["a", "a"]


def test_young_and_old_images_are_left(stack: Stack) -> None:
    stack.put("a")
    stack.now = datetime.now(UTC) + timedelta(minutes=20)
    assert stack.sweep()["counts"]["waiting"] == 1
    assert stack.sweep(older_than_minutes=10, dry_run=True)["counts"]["started"] == 1
    assert stack.sweep(minutes_later=15 * 24 * 60)["counts"]["too_old"] == 1
    assert stack.stepfunctions.started == []


def test_a_dry_run_says_the_same_and_changes_nothing(stack: Stack) -> None:
    (lost, spent) = stack.put("lost", "spent")
    stack.claim("spent", spent, sweeps=3)
    answer = stack.sweep(dry_run=True)
    assert (answer["counts"]["started"], answer["counts"]["reported"]) == (1, 1)
    assert answer["dry_run"] is True
    assert (stack.stepfunctions.started, stack.alerts(), stack.messages(stack.queue)) == ([], [], [])
    assert (stack.item("lost", lost), stack.item("spent", spent)) == ({}, {"sweeps": "3"})


def test_three_times_then_reported_once_then_left(stack: Stack) -> None:
    names = ("a", "b")
    etags = stack.put(*names)
    for attempt in (1, 2, 3):
        assert stack.sweep(minutes_later=31)["counts"]["started"] == 2
        assert stack.item("a", etags[0])["sweeps"] == str(attempt)
        assert stack.alerts() == []

    first, second = stack.sweep(minutes_later=31), stack.sweep(minutes_later=31)
    by_person = stack.sweep(start_after=None)

    assert (first["counts"]["reported"], first["counts"]["exhausted"]) == (2, 0)
    assert second["looked_at"] == 0, "what was given up is not in the index any more"
    assert (by_person["counts"]["reported"], by_person["counts"]["exhausted"]) == (0, 2)
    assert len(stack.stepfunctions.started) == 6
    (alert,) = stack.alerts()
    assert [image["key"] for image in alert["images"]] == ["incoming/a", "incoming/b"]
    assert "started by 3 sweeps without success" in alert["images"][0]["reason"]
    assert "scones redrive" in alert["next_step"]
    bodies = [json.loads(message["Body"]) for message in stack.messages(stack.queue)]
    assert sorted(body["detail"]["object"]["key"] for body in bodies) == ["incoming/a", "incoming/b"]
    assert all(
        "without success" in m["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
        for m in stack.messages(stack.queue)
    )


def test_a_report_that_nobody_got_is_made_again(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    (spent, _) = stack.put("spent", "lost")
    stack.claim("spent", spent, sweeps=3)

    class DeafTopic:
        def publish(self, **_message: Any) -> None:
            raise client_error("InternalError", 500)

    clients = stack.clients
    stack.use(sns=DeafTopic())
    answer = stack.sweep()
    assert (answer["counts"]["errors"], answer["counts"]["reported"], answer["counts"]["started"]) == (
        1,
        0,
        1,
    )
    assert "reported_at" not in stack.item("spent", spent)

    stack.use(sns=clients.sns)
    assert stack.sweep(minutes_later=1)["counts"]["reported"] == 1
    assert len(stack.alerts()) == 1


def test_one_image_that_cannot_be_started_does_not_stop_the_others(stack: Stack) -> None:
    stack.stepfunctions.refuse = ("b",)
    (_, b, c) = stack.put("a", "b", "c")
    stack.claim("c", c, execution=STANDARD, claim_ends=1)
    stack.stepfunctions.statuses[STANDARD] = "throttled"

    answer = stack.sweep()

    assert stack.stepfunctions.keys == ["a"]
    assert (answer["counts"]["started"], answer["counts"]["errors"]) == (1, 2)
    whys = {one["key"]: one["why"] for one in answer["images"]["errors"]}
    assert "ExecutionLimitExceeded" in whys["incoming/b"]
    assert stack.item("b", b)["sweeps"] == "0", "it was not an attempt"
    stack.stepfunctions.refuse = ()
    assert stack.sweep(minutes_later=1)["counts"]["started"] == 1, "and is tried again at once"


def test_a_run_in_which_everything_failed_fails(stack: Stack) -> None:
    stack.put("a", "b")
    stack.stepfunctions.refuse = ("a", "b")
    with pytest.raises(
        Exception, match=r"none of 2 images could be handled; incoming/[ab].*ExecutionLimit"
    ) as found:
        stack.sweep()
    assert type(found.value).__name__ == "SweepFailedError"


def test_starts_are_bounded_and_the_next_run_goes_on(stack: Stack) -> None:
    names = [f"{number:03}" for number in range(5)]
    stack.put(*names)
    stack.set(max_starts_per_run=2)
    answers = [stack.sweep() for _ in range(3)]
    assert [answer["counts"]["started"] for answer in answers] == [2, 2, 1]
    assert [answer["stopped_by"] for answer in answers] == ["starts", "starts", None]
    assert stack.stepfunctions.keys == names


def test_two_sweeps_at_once_start_an_image_once(stack: Stack) -> None:
    (etag,) = stack.put("a")
    image = read_page(stack.client("s3"), "images", "incoming/*", (), None).images[0]
    seen, later = Claim(), stack.now + timedelta(seconds=1)
    count = count_sweep
    dynamodb = stack.client("dynamodb")
    assert count(dynamodb, "claims", image, seen, stack.now) is True
    assert count(dynamodb, "claims", image, seen, later) is False
    stack.claim("a", etag, execution=STANDARD, claim_ends=1)
    assert count(dynamodb, "claims", image, seen, later) is False, "an execution claimed it meanwhile"
    stack.claim("a", etag, finished_at="now")
    assert count(dynamodb, "claims", image, seen, later) is False, "it has its outcome meanwhile"


def test_claims_left_unprocessed_are_asked_for_again(stack: Stack) -> None:
    images = [Image("images", f"incoming/{number}", "e", None, 1, stack.now) for number in range(250)]
    for image in images:
        stack.claim(image.key.removeprefix("incoming/"), "e", sweeps=1)
    dynamodb = stack.client("dynamodb")
    pauses: list[float] = []

    class Stingy:
        """Answers for forty keys at a time."""

        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            ((table, request),) = RequestItems.items()
            assert len(request["Keys"]) <= 100
            answer = dynamodb.batch_get_item(RequestItems={table: request | {"Keys": request["Keys"][:40]}})
            left = request["Keys"][40:]
            return answer | {"UnprocessedKeys": {table: request | {"Keys": left}} if left else {}}

    claims = read_claims(Stingy(), "claims", images, pauses.append)
    assert set(claims) == {image.name for image in images}
    assert len(pauses) == 5
    assert max(pauses) <= 2

    class Mute:
        def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
            return {"Responses": {}, "UnprocessedKeys": RequestItems}

    with pytest.raises(ClaimsUnavailableError, match="8 times"):
        read_claims(Mute(), "claims", images[:1], pauses.append)


def test_a_report_of_very_many_images_fits_into_a_message(stack: Stack) -> None:
    why = "started by 3 sweeps without success: its execution ended FAILED and left no outcome"
    many = [
        (
            Image("images", f"incoming/{n}-{'ü' * 400}", "e" * 32, "v" * 32, 1, stack.now),
            why,
        )
        for n in range(1000)
    ]
    message = message_of(many)
    assert 200_000 < len(message.encode()) <= 262_144
    document = json.loads(message)
    assert len(document["images"]) + document["not_listed"] == 1000


def test_only_the_first_hundred_of_a_kind_are_named(stack: Stack) -> None:
    stack.put(*(f"{number:03}" for number in range(120)))
    answer = stack.sweep()
    assert answer["counts"]["started"] == len(stack.stepfunctions.started) == 120
    assert len(answer["images"]["started"]) == 100


def test_the_handler_sweeps_and_reports(capsys: pytest.CaptureFixture[str], stack: Stack) -> None:
    class Context(FakeLambdaContext):
        def get_remaining_time_in_millis(self) -> int:
            return 300_000

    stack.put("a")
    answer = stack.app.handler({"older_than_minutes": 0, "start_after": None}, Context())
    assert (answer["counts"]["started"], stack.stepfunctions.keys) == (1, ["a"])
    json.dumps(answer)
    documents = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metrics,) = [document for document in documents if "SweepStarted" in document]
    assert (metrics["SweepStarted"], metrics["SweepErrors"]) == ([1.0], [0.0])
