"""The rolling listing: one cycle in six hours, eighty pages a run, and what a run leaves for the next."""

from datetime import timedelta
from typing import Any

import pytest

from sweep import cycle
from sweep.cycle import CURSOR, Cursor, read_cursor, write_cursor
from tests.fakes.aws_clients import client_error
from tests.unit.functions.sweep_stack import Stack


class CountedListing:
    """The bucket's listing, which counts its pages."""

    def __init__(self, stack: Stack) -> None:
        self.s3, self.pages = stack.clients.s3, 0

    def list_object_versions(self, **arguments: Any) -> Any:
        self.pages += 1
        return self.s3.list_object_versions(**arguments)


@pytest.fixture
def listing(stack: Stack) -> CountedListing:
    counted = CountedListing(stack)
    stack.use(s3=counted)
    return counted


def test_a_cycle_that_is_over_is_followed_six_hours_after_it_began(
    stack: Stack, listing: CountedListing
) -> None:
    pages = []
    for _ in range(25):  # every quarter of an hour, six hours
        stack.sweep(minutes_later=15)
        pages.append(listing.pages)
    assert pages == [1] * 24 + [2]


def test_a_run_lists_eighty_pages_and_the_next_continues_there(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cycle.PAGES_PER_RUN == 80
    monkeypatch.setattr("sweep.run.PAGES_PER_RUN", 2)
    stack.put("a", "b", "c")
    stack.put("b", body=b"other")  # a page may end between versions of one key
    stack.small_pages(1)
    first = stack.sweep()
    newest = stack.client("s3").head_object(Bucket="images", Key="incoming/b")["VersionId"]
    assert (first["looked_at"], first["continue_after"]) == (2, {"key": "incoming/b", "version_id": newest})
    second = stack.sweep(minutes_later=15)
    assert (second["continue_after"], stack.stepfunctions.keys) == (None, ["a", "b", "b", "c"])
    assert stack.run is not None
    assert stack.run.cursor is not None
    assert stack.run.cursor.length(stack.now) == timedelta(minutes=15)


def test_a_cycle_that_takes_longer_says_so_while_it_lasts(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.run.PAGES_PER_RUN", 1)
    stack.put("a", "b", "c")
    stack.small_pages(1)
    lengths = []
    for _ in range(4):
        stack.sweep(minutes_later=300)
        assert stack.run is not None
        assert stack.run.cursor is not None
        lengths.append(stack.run.cursor.length(stack.now) / timedelta(minutes=1))
    assert lengths == [0, 300, 600, 600], (
        "the next cycle begins at once, and the length stays that of the last"
    )


def test_the_listing_takes_half_of_the_time_at_most(stack: Stack) -> None:
    stack.put("a", "b", "c")
    stack.small_pages(1)
    left = iter([300_000, 299_000, 149_999] + [140_000] * 99)
    stack.remaining_ms = lambda: next(left)
    answer = stack.sweep()
    assert answer["continue_after"]["key"] == "incoming/a"  # type: ignore[index]
    assert stack.stepfunctions.keys == ["a"], "what it found is started all the same"


def test_a_persons_sweep_lists_everything_now_and_leaves_the_schedule_alone(stack: Stack) -> None:
    stack.put("a", "b", "c")
    stack.small_pages(1)
    left = iter([300_000, 300_000, 0] + [140_000] * 99)
    stack.remaining_ms = lambda: next(left)
    assert stack.sweep()["continue_after"]["key"] == "incoming/a"  # type: ignore[index]
    stack.remaining_ms = lambda: 300_000
    assert stack.sweep(start_after=None, dry_run=True)["looked_at"] == 3
    assert stack.sweep(start_after={"key": "incoming/b", "version_id": None})["looked_at"] == 1
    assert stack.sweep()["continue_after"] is None, "the schedule continued after incoming/a, to the end"
    assert stack.stepfunctions.keys == ["a", "b", "c"]


def test_a_persons_sweep_says_where_its_time_was_over(stack: Stack) -> None:
    stack.put("a", "b", "c")
    stack.small_pages(2)
    left = iter([300_000, 300_000, 29_999])
    stack.remaining_ms = lambda: next(left)
    first = stack.sweep(start_after=None)
    assert (first["looked_at"], first["stopped_by"]) == (2, "time")
    stack.remaining_ms = lambda: 300_000
    second = stack.sweep(start_after=first["continue_after"])
    assert (second["looked_at"], second["stopped_by"], second["continue_after"]) == (1, None, None)


def test_claims_are_read_of_objects_younger_than_sweep_days_only(stack: Stack) -> None:
    stack.put("old")
    stack.now += timedelta(days=15)
    dynamodb = stack.client("dynamodb")

    class NoReads:
        get_item, put_item, query = dynamodb.get_item, dynamodb.put_item, dynamodb.query
        update_item = dynamodb.update_item

        def batch_get_item(self, **_request: Any) -> Any:
            pytest.fail("a claim was read that nobody asks for")

    stack.use(dynamodb=NoReads())
    assert stack.sweep()["counts"]["too_old"] == 1


def test_the_oldest_image_that_could_not_enter_the_index_is_kept_for_two_cycles(stack: Stack) -> None:
    stack.put("a")
    dynamodb = stack.client("dynamodb")

    class ReadOnly:
        get_item, put_item, query = dynamodb.get_item, dynamodb.put_item, dynamodb.query
        batch_get_item = dynamodb.batch_get_item

        def update_item(self, **_request: Any) -> Any:
            raise client_error("ProvisionedThroughputExceededException")

    stack.use(dynamodb=ReadOnly())
    with pytest.raises(Exception, match="not put into the index"):
        stack.sweep()
    stack.use(dynamodb=dynamodb)
    stack.sweep(minutes_later=60)
    assert stack.oldest_minutes() == pytest.approx(120, abs=1), "the next run does not list it again"
    assert stack.stepfunctions.keys == []
    stack.sweep(minutes_later=300)
    assert stack.stepfunctions.keys == ["a"], "the next cycle finds it"


def test_a_bucket_that_cannot_be_listed_does_not_keep_the_index_waiting(stack: Stack) -> None:
    stack.put("a")
    stack.sweep(start_after=None)
    stack.stepfunctions.started.clear()

    class Forbidden:
        def list_object_versions(self, **_arguments: Any) -> Any:
            raise client_error("AccessDenied", 403)

    stack.use(s3=Forbidden())
    with pytest.raises(
        Exception, match=r"the bucket could not be listed: ClientError.*AccessDenied"
    ) as found:
        stack.sweep(minutes_later=31)
    assert type(found.value).__name__ == "SweepFailedError"
    assert stack.stepfunctions.keys == ["a"]


@pytest.mark.parametrize("full", [True, False])
def test_a_cursor_is_read_as_it_was_written(stack: Stack, full: bool) -> None:
    now = stack.now.replace(microsecond=0)
    cursor = Cursor()
    if full:
        cursor = Cursor(
            {"key": "incoming/ü", "version_id": "v"}, now, now, timedelta(hours=7), now, now, 15, now, 3, 2
        )
    write_cursor(stack.client("dynamodb"), "claims", cursor)
    assert read_cursor(stack.client("dynamodb"), "claims") == cursor


def test_the_position_of_an_earlier_version_is_continued(stack: Stack) -> None:
    stack.put("a", "b")
    stack.client("dynamodb").put_item(TableName="claims", Item=CURSOR | {"start_after": {"S": "incoming/a"}})
    stack.sweep()
    assert stack.stepfunctions.keys == ["b"]


def test_outcomes_that_are_in_no_index_are_counted_for_two_cycles(stack: Stack) -> None:
    old, closed, new = stack.put("old", "closed again", "new")
    finished = {"finished_at": "2026-11-03T12:00:00.000Z", "outcome": "passed"}
    stack.claim("old", old, **finished, result_key="passed/bicycle/old/e.json")
    stack.claim(
        "closed again", closed, **finished, outcome_shard="failed#1", result_key="passed/bicycle/a/e.json"
    )
    stack.claim("new", new, **finished, outcome_shard="passed#1")

    def found() -> tuple[int, int]:
        stack.sweep(minutes_later=6 * 60)
        assert stack.run is not None
        assert stack.run.cursor is not None
        return stack.run.cursor.unlisted, stack.run.cursor.unlisted_before

    assert found() == (2, 0)
    for name, etag in (("old", old), ("closed again", closed)):
        stack.claim(name, etag, **finished, outcome_shard="passed#1")
    assert [found(), found()] == [(0, 2), (0, 0)]
