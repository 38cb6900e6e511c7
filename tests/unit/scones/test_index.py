"""Reading the index: one order over all partitions, pages that fit together, and what DynamoDB charges for it."""

from __future__ import annotations

import math
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ministack.services import dynamodb

from scones import index as module
from scones.errors import SconesError
from scones.index import Ended, Where, ended, in_state, shard_of, time_text
from scones.local.ministack.dynamodb_indexes import keep_partitions_sorted
from scones.result_documents import Outcome
from tests.fakes.claims_table import ClaimsTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

START = datetime(2026, 11, 27, 10, tzinfo=UTC)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> ClaimsTable:
    for name in ("_index_members", "_index_item", "_query", "_table_description"):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    keep_partitions_sorted()
    return ClaimsTable()


def client_of(table: ClaimsTable) -> DynamoDBClient:
    return cast("DynamoDBClient", table)


def read(table: ClaimsTable, *arguments: Any, **named: Any) -> list[Ended]:
    return list(ended(client_of(table), table.name, *arguments, **named))


def fill(table: ClaimsTable, number: int, outcome: str = "passed", **more: Any) -> None:
    for one in range(number):
        table.put_ended(
            f"incoming/{outcome}/{one:05}.jpg", time_text(START + timedelta(seconds=one)), outcome, **more
        )


def test_images_of_all_partitions_come_in_one_order(table: ClaimsTable) -> None:
    fill(table, 300)
    fill(table, 100, "review", label="bicycle", confidence=0.61, reason="below")
    found = read(table)
    assert [one.position for one in found] == sorted((one.position for one in found), reverse=True)
    assert len({one.image_key for one in found}) == 400
    waiting = next(one for one in found if one.outcome is Outcome.REVIEW)
    assert (waiting.label, waiting.confidence, waiting.reason) == ("bicycle", 0.61, "below")
    assert len(read(table, [Outcome.REVIEW])) == 100
    assert read(table, [Outcome.FAILED]) == []


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    moments=st.lists(st.integers(0, 6), max_size=40),
    page=st.integers(1, 5),
    cut=st.integers(0, 40),
)
def test_no_page_size_loses_or_repeats_an_image(
    monkeypatch: pytest.MonkeyPatch, table: ClaimsTable, moments: list[int], page: int, cut: int
) -> None:
    """Many images end at the same millisecond; a second reading continues where the first was left."""
    monkeypatch.setattr(module, "_PAGE", page)
    monkeypatch.setattr(module, "_GROWTH", 1)
    one_table = ClaimsTable()
    for number, moment in enumerate(moments):
        one_table.put_ended(f"incoming/{number}.jpg", time_text(START + timedelta(seconds=moment)))
    everything = read(one_table, [Outcome.PASSED])
    assert [one.position for one in everything] == sorted((one.position for one in everything), reverse=True)
    assert len(everything) == len(moments)
    with closing(iter(ended(client_of(one_table), one_table.name, [Outcome.PASSED]))) as images:
        first = list(islice(images, cut))
    rest = read(one_table, [Outcome.PASSED], after=first[-1].position) if first else everything
    assert first + rest == everything


def test_since_is_included_and_until_is_not(table: ClaimsTable) -> None:
    fill(table, 10)
    second = timedelta(seconds=1)
    found = read(table, [Outcome.PASSED], START + 3 * second, START + 6 * second)
    assert [one.image_key[-5] for one in found] == ["5", "4", "3"]
    assert len(read(table, since=START + 3 * second)) == 7
    assert len(read(table, until=START + 3 * second)) == 3
    assert read(table, since=START + 3 * second, until=START) == []


def test_the_newest_50_cost_as_little_as_aws_can_charge(table: ClaimsTable) -> None:
    """An eventually consistent read: half a unit for each 4 KB, rounded up for each query; by hand, and as answered."""
    fill(table, 1000, label="bicycle", confidence=0.97, reason="r" * 60, model_version="v" * 12)
    reading = ended(client_of(table), table.name, [Outcome.PASSED], wanted=50)
    with closing(iter(reading)) as images:
        newest = list(islice(images, 50))
    assert [one.image_key for one in newest] == [f"incoming/passed/{999 - n:05}.jpg" for n in range(50)]
    assert len(table.queries) == 16
    assert {request["Limit"] for request in table.queries} == {12}
    # 16 partitions, 12 items of about 330 bytes each: 3.9 KB, one half of a unit.
    assert (reading.items, reading.units) == (16 * 12, 16 * 0.5)

    everything = ended(client_of(table), table.name, [Outcome.PASSED])
    images_read = list(everything)
    entry = {"image_key": newest[0].image_key, "etag": newest[0].etag, "outcome_shard": "passed#10"} | {
        "finished_at": newest[0].finished_at,
        "label": "bicycle",
        "reason": "r" * 60,
        "model_version": "v" * 12,
    }
    size = sum(len(name) + len(value) for name, value in entry.items()) + len("confidence") + 2
    by_hand = sum(
        math.ceil(size * sum(shard_of(one.image_key, one.etag) == shard for one in images_read) / 4096) / 2
        for shard in range(16)
    )
    assert everything.units == pytest.approx(
        by_hand, abs=8
    )  # a digit of a shard, and half a unit for each page
    assert everything.is_complete


def test_a_filter_is_charged_for_what_it_leaves_out_and_ends_with_its_budget(
    table: ClaimsTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGE", 4)
    monkeypatch.setattr(module, "_GROWTH", 1)
    fill(table, 400, label="bicycle")
    where = Where("#label = :label", {"#label": "label"}, {":label": {"S": "motorcycle"}})
    reading = ended(client_of(table), table.name, [Outcome.PASSED], where=where, budget=20)
    seen: list[float] = []
    reading.on_page = lambda: seen.append(reading.units)
    assert list(reading) == []
    assert (reading.is_cut_short, reading.is_complete) == (True, False)
    assert seen == [8, 16, 24]
    assert reading.items == 3 * 16 * 4
    assert reading.reached is not None
    whole = ended(client_of(table), table.name, [Outcome.PASSED], where=where)
    assert list(whole) == []
    assert (whole.items, whole.is_complete) == (400, True)


def test_what_waits_comes_oldest_first_and_without_a_verdict(table: ClaimsTable) -> None:
    for number in range(60):
        key = f"incoming/{number}.jpg"
        table.put_ended(
            key,
            time_text(START),
            "review",
            label="bicycle",
            confidence=0.6,
            state_shard=f"person#{shard_of(key, 'e' * 32)}",
            state_since=time_text(START - timedelta(minutes=number)),
        )
    reading = in_state(client_of(table), table.name, "person", wanted=10)
    with closing(iter(reading)) as images:
        oldest = list(islice(images, 10))
    assert [one.image_key for one in oldest] == [f"incoming/{59 - n}.jpg" for n in range(10)]
    fields = {name for request in table.queries for name in request["ExpressionAttributeNames"].values()}
    assert not fields & {"label", "confidence", "outcome", "reason"}
    rest = list(in_state(client_of(table), table.name, "person", after=oldest[-1].position))
    assert [one.image_key for one in rest] == [f"incoming/{49 - n}.jpg" for n in range(50)]
    assert list(in_state(client_of(table), table.name, "record")) == []


def failure(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "Query")


def test_a_throttled_page_is_asked_for_again(table: ClaimsTable) -> None:
    fill(table, 20)
    table.failures = [failure("ProvisionedThroughputExceededException"), failure("ThrottlingException")]
    pauses: list[float] = []
    reading = ended(client_of(table), table.name)
    reading.sleep = pauses.append
    assert len(list(reading)) == 20
    assert len(pauses) == 2
    table.failures = [failure("ThrottlingException")] * 2000
    reading = ended(client_of(table), table.name)
    reading.sleep = pauses.append
    with pytest.raises(ClientError):
        list(reading)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("The table does not have the specified index: by_time", "deploy it again, then fill the index with"),
        ("Cannot read from backfilling global secondary index: by_time", "try again in a few minutes"),
    ],
)
def test_an_index_that_cannot_be_read_has_a_next_step(table: ClaimsTable, said: str, told: str) -> None:
    table.failures = [failure("ValidationException", said)] * 100
    with pytest.raises(SconesError, match=told):
        list(ended(client_of(table), table.name))
