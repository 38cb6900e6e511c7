"""The index of images without an outcome: what is handled out of it, what enters and leaves it, and no race revives."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from sweep.claims import (
    Claim,
    count_sweep,
    enter_index,
    leave_index,
    mark_reported,
    open_claims,
    state_shard,
    unmark_reported,
)
from sweep.images import Image, iso_text
from tests.fakes.aws_clients import client_error
from tests.unit.functions.sweep_stack import STANDARD, Stack

EXPRESS = STANDARD.replace(":execution:", ":express:")


def image(stack: Stack, name: str = "a", etag: str = "e1", **age: float) -> Image:
    arrived = stack.now - timedelta(**age or {"hours": 1})
    return Image("images", f"incoming/{name}", etag, "v1", 3, arrived.replace(microsecond=0))


def claim_of(stack: Stack, one: Image, **attributes: str | int) -> None:
    """Claim an image as the workflow's first state does."""
    stack.claim(
        one.key.removeprefix("incoming/"),
        one.etag,
        state_shard=state_shard(one),
        state_since=iso_text(one.last_modified),
        size=one.size,
        version_id=one.version_id or "",
        **attributes,
    )


def test_the_shard_is_the_first_digit_of_the_digest_as_the_workflow_computes_it(stack: Stack) -> None:
    # printf "incoming/ü.jpg0123" | md5sum begins with 2, of incoming/ae1 with 1, of incoming/5e1 with f.
    assert state_shard(image(stack, "ü.jpg", "0123")) == "open#2"
    assert state_shard(image(stack)) == "open#1"
    assert state_shard(image(stack, "5")) == "open#15"


def test_the_event_of_a_claimed_image_is_made_of_its_claim(stack: Stack) -> None:
    """Nothing is in the bucket: no listing could have found it."""
    one = image(stack, "a+b c%25 é.png", hours=5)
    claim_of(stack, one, execution=EXPRESS, claim_ends=1, sequencer="0055AED6DCD90281E5")

    assert stack.sweep()["counts"]["started"] == 1

    (event,) = stack.stepfunctions.started
    assert event["detail"] == {
        "bucket": {"name": "images"},
        "object": {
            "key": one.key,
            "size": 3,
            "etag": "e1",
            "version-id": "v1",
            "sequencer": "0055AED6DCD90281E5",
        },
    }
    assert datetime.fromisoformat(event["time"]) == one.last_modified, "its age does not begin anew"
    assert stack.oldest_minutes() == 300


def test_what_is_young_too_old_or_finished_is_not_read(stack: Stack) -> None:
    ages: dict[str, Any] = {"young": {"minutes": 29}, "old": {"days": 15}, "due": {"minutes": 31}}
    for name, age in ages.items():
        claim_of(stack, image(stack, name, **age), execution=EXPRESS, claim_ends=1)
    stack.claim("done", "e1", execution=EXPRESS, finished_at="2026-11-21T10:00:00Z")
    stack.sweep()
    assert stack.stepfunctions.keys == ["due"]


@pytest.mark.parametrize(
    "since", ["2026-11-26T10:00:05Z", "2026-11-26T10:00:05.9Z", "2026-11-26T10:00:05+00:00"]
)
def test_moments_of_the_last_second_are_read_however_they_are_written(stack: Stack, since: str) -> None:
    stack.now = datetime(2026, 11, 26, 10, 30, 5, 500_000, tzinfo=UTC)
    stack.claim("a", "e1", execution=EXPRESS, claim_ends=1, state_shard="open#1", state_since=since, size=1)
    stack.sweep()
    assert stack.stepfunctions.keys == ["a"]


def test_the_oldest_image_is_exact_whether_it_is_overdue_or_not(stack: Stack) -> None:
    claim_of(stack, image(stack, "young", minutes=12), execution=EXPRESS, claim_ends=2_000_000_000)
    stack.sweep()
    assert stack.oldest_minutes() == 12
    claim_of(stack, image(stack, "running", minutes=95), execution=STANDARD)
    stack.stepfunctions.statuses[STANDARD] = "RUNNING"
    stack.sweep()
    assert stack.oldest_minutes() == 95
    stack.claim("running", "e1", execution=STANDARD, finished_at="now")  # as "Close claim" leaves it
    stack.sweep()
    assert stack.oldest_minutes() == 12
    stack.sweep(start_after=None)
    assert stack.oldest_minutes() == 12, "a person's run says the same"


def test_all_pages_of_a_shard_are_read_oldest_first(stack: Stack) -> None:
    images = [image(stack, f"{number:03}", hours=number + 1) for number in range(40)]
    shard = state_shard(images[0])
    of_shard = [one for one in images if state_shard(one) == shard]
    assert len(of_shard) > 1
    for one in images:
        claim_of(stack, one)
    dynamodb = stack.client("dynamodb")

    class SmallPages:
        def query(self, **request: Any) -> Any:
            return dynamodb.query(Limit=1, **request)

    number, since = int(shard.removeprefix("open#")), stack.now - timedelta(days=9)
    pages = list(open_claims(SmallPages(), "claims", "images", number, since, stack.now))
    assert [one.key for page in pages for one, _ in page] == [one.key for one in reversed(of_shard)]


def test_a_run_out_of_time_is_continued_by_the_next_so_that_no_shard_starves(stack: Stack) -> None:
    names = [f"{number:02}" for number in range(30)]
    for number, name in enumerate(names):
        claim_of(stack, image(stack, name, hours=number + 1), execution=f"{STANDARD}-{name}")
        stack.stepfunctions.statuses[f"{STANDARD}-{name}"] = "RUNNING"
    seen: set[str] = set()
    for _ in range(12):
        left = iter([300_000] * 5 + [0] * 50)  # cursor's cycle twice, then three shards' batches
        stack.remaining_ms = lambda left=left: next(left)  # type: ignore[misc]
        seen |= {one["key"] for one in stack.sweep()["images"]["running"]}
    assert len(seen) == 30


@pytest.mark.parametrize("finished", [True, False])
def test_nobody_puts_a_finished_claim_back_into_the_index(stack: Stack, finished: bool) -> None:
    one, dynamodb = image(stack), stack.client("dynamodb")
    at = {"finished_at": "2026-11-21T10:00:00Z"} if finished else {}
    stack.claim("a", "e1", execution=EXPRESS, **at)
    seen = Claim(execution=EXPRESS)
    for put in (enter_index, partial(count_sweep, now=stack.now)):
        assert put(dynamodb, "claims", one, seen) is not finished
        assert stack.indexed() == ([] if finished else ["a"])
    stack.claim("a", "e1", execution=EXPRESS, reported_at=iso_text(stack.now), **at)
    unmark_reported(dynamodb, "claims", one, stack.now)
    assert stack.indexed() == ([] if finished else ["a"])


def test_what_another_execution_took_over_does_not_leave_the_index(stack: Stack) -> None:
    one, dynamodb = image(stack), stack.client("dynamodb")
    claim_of(stack, one, execution="the new one", sweeps=3)
    dead = Claim(execution="the dead one", sweeps=3, reported_at=stack.now, indexed=True)
    assert mark_reported(dynamodb, "claims", one, dead, stack.now) is False
    assert leave_index(dynamodb, "claims", one, dead) is False
    assert stack.indexed() == ["a"]


def test_an_image_that_nobody_claimed_is_in_the_index_with_all_its_event_needs(stack: Stack) -> None:
    (etag,) = stack.put("lost")
    stack.sweep(start_after=None)  # a person's, which starts it from the listing
    item = stack.item("lost", etag)
    (version,) = stack.client("s3").list_object_versions(Bucket="images")["Versions"]
    assert (item["size"], item["version_id"], item["sweeps"]) == ("3", version["VersionId"], "1")
    assert datetime.fromisoformat(item["state_since"]) == version["LastModified"].astimezone(UTC)
    answer = stack.sweep(minutes_later=31)
    assert (answer["counts"]["started"], stack.stepfunctions.keys) == (1, ["lost", "lost"])


def test_a_start_that_failed_is_tried_again_from_the_index(stack: Stack) -> None:
    stack.put("a", "b")
    stack.stepfunctions.refuse = ("b",)
    stack.sweep(start_after=None)
    assert stack.indexed() == ["a", "b"]
    stack.stepfunctions.refuse = ()
    assert [one["key"] for one in stack.sweep(minutes_later=1)["images"]["started"]] == ["incoming/b"]


def test_what_is_given_up_leaves_the_index_and_a_redrive_brings_it_back(stack: Stack) -> None:
    one = image(stack)
    claim_of(stack, one, execution=EXPRESS, claim_ends=1, sweeps=3)
    assert stack.sweep()["counts"]["reported"] == 1
    assert (stack.indexed(), stack.oldest_minutes()) == ([], 0)

    stack.now += timedelta(minutes=10)
    reported_at = iso_text(stack.now - timedelta(minutes=10))
    at = {"claimed_at": iso_text(stack.now), "reported_at": reported_at}
    claim_of(stack, one, execution=EXPRESS, claim_ends=1, sweeps=3, **at)  # `scones redrive` started it
    assert stack.sweep(minutes_later=10)["counts"]["reported"] == 1, "it died again: people are told again"
    assert len(stack.alerts()) == 2

    claim_of(stack, one, execution=EXPRESS, claim_ends=1, sweeps=3, reported_at=reported_at)
    assert stack.sweep()["counts"]["exhausted"] == 1
    assert stack.indexed() == []


def test_a_claim_of_an_earlier_version_enters_the_index_when_the_listing_sees_it(stack: Stack) -> None:
    (old, told) = stack.put("old", "told")
    stack.claim("old", old, execution=STANDARD, claim_ends=2_000_000_000)
    stack.claim("told", told, sweeps=3, reported_at="2026-11-21T10:00:00.000+00:00")
    stack.stepfunctions.statuses[STANDARD] = "RUNNING"
    answer = stack.sweep()
    assert (answer["counts"]["running"], answer["counts"]["exhausted"]) == (1, 1)
    assert stack.indexed() == ["old"]


def test_an_index_that_cannot_be_read_fails_the_run(stack: Stack) -> None:
    dynamodb = stack.client("dynamodb")

    class NoIndex:
        get_item = dynamodb.get_item

        def query(self, **_request: Any) -> Any:
            raise client_error("AccessDeniedException")

    stack.use(dynamodb=NoIndex())
    with pytest.raises(Exception, match="AccessDenied"):
        stack.sweep()


def test_an_entry_that_an_older_definition_left_behind_leaves_the_index(stack: Stack) -> None:
    """It closed the claim and did not know of the index, whose entries say nothing of an outcome."""
    one, lost = image(stack, "closed", hours=5), image(stack, "lost", hours=1)
    claim_of(stack, one, execution=EXPRESS, claim_ends=1, finished_at=iso_text(stack.now), outcome="passed")
    claim_of(stack, lost, execution=EXPRESS, claim_ends=1)

    counts = stack.sweep()["counts"]

    assert (counts["finished"], counts["started"]) == (1, 1)
    assert stack.stepfunctions.keys == ["lost"]
    assert stack.item("closed", "e1")["outcome"] == "passed"
    assert "state_shard" not in stack.item("closed", "e1")
