"""The local cloud reads an index in order, whatever was written when, and charges what AWS would."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import dynamodb

from scones.local.ministack.dynamodb_indexes import keep_partitions_sorted
from tests.fakes.claims_table import ClaimsTable

if TYPE_CHECKING:
    from collections.abc import Callable

PATCHED = ("_index_members", "_index_item", "_query", "_table_description")


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> str:
    """The claims table of the template in a MiniStack with the patch."""
    for name in PATCHED:
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    keep_partitions_sorted()
    return ClaimsTable().name


def put(table: str, key: str, finished_at: str, shard: str = "passed#1", **more: Any) -> None:
    item = {"image_key": key, "etag": "e", "outcome_shard": shard, "finished_at": finished_at, **more}
    status, _, body = dynamodb._put_item(
        {"TableName": table, "Item": {name: {"S": value} for name, value in item.items()}}
    )
    assert status == 200, body


def ask(table: str, condition: str = "", forward: bool = True, **more: Any) -> dict[str, Any]:
    values = {":p": {"S": "passed#1"}} | more.pop("values", {})
    status, _, body = dynamodb._query(
        {
            "TableName": table,
            "IndexName": "by_time",
            "KeyConditionExpression": f"#p = :p{condition and f' AND {condition}'}",
            "ExpressionAttributeNames": {"#p": "outcome_shard"},
            "ExpressionAttributeValues": values,
            "ScanIndexForward": forward,
            "ReturnConsumedCapacity": "TOTAL",
            **more,
        }
    )
    assert status == 200, body
    return dict(json.loads(body))


def keys(answer: dict[str, Any]) -> str:
    return "".join(item["image_key"]["S"] for item in answer["Items"])


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("", "abcdef"),
        ("finished_at >= :x", "cdef"),
        ("finished_at > :x", "ef"),
        ("finished_at <= :x", "abcd"),
        ("finished_at < :x", "ab"),
        ("finished_at = :x", "cd"),
        ("finished_at BETWEEN :x AND :y", "cdef"),
        ("begins_with(finished_at, :x)", "cd"),
    ],
)
def test_conditions_and_order(table: str, condition: str, found: str) -> None:
    for key in "dbfeca":
        put(table, key, {"a": "1", "b": "1", "c": "2", "d": "2", "e": "3", "f": "3"}[key])
    put(table, "x", "2", shard="passed#2")
    values = {f":{name}": {"S": value} for name, value in (("x", "2"), ("y", "3")) if f":{name}" in condition}
    assert keys(ask(table, condition, values=values)) == found
    assert keys(ask(table, condition, forward=False, values=values)) == found[::-1]


def pages(table: str, limit: int, forward: bool) -> list[str]:
    found: list[str] = []
    more: dict[str, Any] = {}
    while True:
        answer = ask(table, forward=forward, Limit=limit, **more)
        found += [item["image_key"]["S"] for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}


@pytest.mark.parametrize("forward", [True, False])
def test_pages_are_those_of_ministack_itself(
    table: str, forward: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written, moved, closed again and deleted in any order."""
    chance = random.Random(4)  # noqa: S311 (a test)
    for number in range(200):
        key = f"{chance.randrange(80):02}"
        if chance.random() < 0.2:
            dynamodb._delete_item({"TableName": table, "Key": {"image_key": {"S": key}, "etag": {"S": "e"}}})
        else:
            put(table, key, str(chance.randrange(20)), shard=f"passed#{chance.randrange(2)}")
        if number == 50:
            ask(table)  # from here on the index exists and is changed with each write
    mine = pages(table, 7, forward)
    monkeypatch.undo()
    dynamodb._tables.get(table).pop(dynamodb._INDEX_MEMBERS)
    theirs = pages(table, 7, forward)
    dynamodb._tables.get(table).pop(dynamodb._INDEX_MEMBERS)
    assert len(mine) > 20
    assert mine == theirs


def test_a_query_is_charged_for_what_it_has_read(table: str) -> None:
    assert ask(table)["ConsumedCapacity"]["CapacityUnits"] == 0.5
    for number in range(30):
        put(table, f"{number:02}", "2026-11-27T10:00:00.000Z", reason="r" * 900, result_key="k" * 900)
    # An item of the index has some 1,020 bytes; that the table keeps a result key too costs nothing.
    assert ask(table)["ConsumedCapacity"]["CapacityUnits"] == 4.0
    assert ask(table, Limit=3)["ConsumedCapacity"]["CapacityUnits"] == 0.5
    hidden = ask(table, FilterExpression="reason = :r", values={":r": {"S": "none"}})
    assert (hidden["Count"], hidden["ScannedCount"]) == (0, 30)
    assert hidden["ConsumedCapacity"]["CapacityUnits"] == 4.0


def test_an_index_has_the_number_of_its_items(table: str) -> None:
    for key in "abc":
        put(table, key, "1")
    described = json.loads(dynamodb._describe_table({"TableName": table})[2])["Table"]
    counts = {index["IndexName"]: index["ItemCount"] for index in described["GlobalSecondaryIndexes"]}
    assert (described["ItemCount"], counts) == (3, {"by_state": 0, "by_time": 3, "by_draw": 0})


def test_a_filter_sees_only_what_the_index_has(table: str) -> None:
    put(table, "a", "1", reason="r", execution="not projected")
    seen = ask(table, FilterExpression="attribute_exists(execution)")
    assert (seen["Count"], seen["ScannedCount"]) == (0, 1)
    assert ask(table, FilterExpression="attribute_exists(reason)")["Count"] == 1


@pytest.mark.parametrize("key", ["outcome_shard", "finished_at", "#p"])
def test_a_filter_must_not_name_a_key_of_the_index(table: str, key: str) -> None:
    put(table, "a", "1")
    request = {
        "TableName": table,
        "IndexName": "by_time",
        "KeyConditionExpression": "#p = :p",
        "ExpressionAttributeNames": {"#p": "outcome_shard"},
        "ExpressionAttributeValues": {":p": {"S": "passed#1"}},
        "FilterExpression": f"attribute_exists({key})",
    }
    status, _, body = dynamodb._query(request)
    assert status == 400
    assert "can only contain non-primary key attributes" in body.decode()


def test_requests_that_ministack_refuses_stay_refused(table: str) -> None:
    put(table, "a", "1")
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": "by_time",
        "KeyConditionExpression": "outcome_shard = :p",
        "ExpressionAttributeValues": {":p": {"S": "passed#1"}},
    }
    for wrong in ({"Limit": 0}, {"ConsistentRead": True}, {"ExclusiveStartKey": {"etag": {"S": "e"}}}):
        assert dynamodb._query(request | wrong)[0] == 400


def test_the_newest_of_a_large_partition_are_read_without_the_others(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(500):
        put(table, f"{number:03}", f"{number:03}")
    ask(table, Limit=1)
    looked_at: list[object] = []

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def project(item: Any, *arguments: Any) -> Any:
            looked_at.append(item)
            return original(item, *arguments)

        return project

    monkeypatch.setattr(dynamodb, "_apply_index_projection", counted(dynamodb._apply_index_projection))
    assert len(ask(table, forward=False, Limit=50)["Items"]) == 50
    assert len(looked_at) == 50
