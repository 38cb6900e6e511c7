"""The local cloud adds an index to a table as AWS does: one in an update, filled, and never changed in place."""

from __future__ import annotations

import copy
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

from scones.local.ministack import dynamodb_tables
from scones.local.ministack.dynamodb_tables import problem_of, refuse_what_an_update_cannot_do
from tools.transformed import claims_table

if TYPE_CHECKING:
    from pathlib import Path

ONE_AT_A_TIME = "Cannot perform more than one GSI creation or deletion in a single update"


def index(name: str, *attributes: str) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(attributes)},
    }


def table(*indexes: dict[str, Any], key: str = "k") -> dict[str, Any]:
    names = [key, *(one["IndexName"] for one in indexes)]
    return {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in names],
        "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
        "GlobalSecondaryIndexes": list(indexes),
    }


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (table(), table(index("a")), None),
        (table(index("a")), table(index("a"), index("b")), None),
        (table(index("a")), table(), None),
        (table(), table(index("a"), index("b")), ONE_AT_A_TIME),
        (table(index("a")), table(index("b")), ONE_AT_A_TIME),
        (table(index("a"), index("b")), table(), ONE_AT_A_TIME),
        (table(index("a", "x")), table(index("a", "x", "y")), "Cannot update GSI's properties other than "),
        (table(), table(index("a"), index("b"), key="other"), None),
        (table(index("a")), table(index("a") | {"OnDemandThroughput": {"MaxReadRequestUnits": 9}}), None),
    ],
)
def test_one_index_is_added_or_removed_in_an_update(
    before: dict[str, Any], after: dict[str, Any], refused: str | None
) -> None:
    problem = problem_of(before, after)
    assert (problem or "").startswith(refused or "")
    assert (problem is None) == (refused is None)


def test_an_update_of_the_stack_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = provisioners._RESOURCE_HANDLERS
    monkeypatch.setitem(handlers, "AWS::DynamoDB::Table", handlers["AWS::DynamoDB::Table"])
    refuse_what_an_update_cannot_do()
    with pytest.raises(ValueError, match=ONE_AT_A_TIME):
        handlers["AWS::DynamoDB::Table"]["update"]("t", table(), table(index("a"), index("b")), "stack", "T")


def test_a_table_deployed_before_gets_the_index_of_the_template_with_what_it_projects(root: Path) -> None:
    """Of MiniStack itself: the index has the items that were there, and answers what the projection names only."""
    after = claims_table(root / "template.yaml")
    before = copy.deepcopy(after)
    del before["GlobalSecondaryIndexes"]
    before["AttributeDefinitions"] = before["AttributeDefinitions"][:2]
    name, _ = provisioners._ddb_create("Claims", before | {"TableName": "deployed-before"}, "stack")
    item = {
        "image_key": {"S": "incoming/a"},
        "etag": {"S": "e"},
        "state_shard": {"S": "open#1"},
        "state_since": {"S": "2026-11-26T10:00:00Z"},
        "sweeps": {"N": "1"},
        "result_key": {"S": "not projected"},
    }
    dynamodb._put_item({"TableName": name, "Item": item})

    provisioners._ddb_update(
        name, before | {"TableName": name}, after | {"TableName": name}, "stack", "Claims"
    )

    status, _, body = dynamodb._query(
        {
            "TableName": name,
            "IndexName": "by_state",
            "KeyConditionExpression": "state_shard = :shard",
            "ExpressionAttributeValues": {":shard": {"S": "open#1"}},
        }
    )
    assert status == 200, body
    del item["result_key"]
    assert json.loads(body)["Items"] == [item]


def test_only_one_of_many_wins_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """The condition is held while others compare, as by a thread that is interrupted in between."""
    held: dict[str, str] = {}

    def write_if_free(request: str) -> bool:
        free = "claim" not in held
        time.sleep(0.01)  # where the other threads come in
        if free:
            held["claim"] = request
        return free

    for name in ("_put_item", "_update_item", "_delete_item", "_transact_write_items"):
        monkeypatch.setattr(dynamodb, name, write_if_free)
    dynamodb_tables.write_items_one_at_a_time()

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: dynamodb._update_item(str(number)), range(8)))

    assert won.count(True) == 1
