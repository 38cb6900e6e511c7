"""Secondary indexes of DynamoDB, where MiniStack 1.5.33 does otherwise: their order, and what a query is charged.

MiniStack sorts a whole index partition for every query and evaluates the key condition on each of its items, so a page
of 50 takes as long as the partition is large. Here a partition is a sorted list, kept so by every write.
"""

from __future__ import annotations

import re
import threading
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Final

from ministack.services import dynamodb

_CONDITION: Final = re.compile(
    r"\s*(?P<hash>[#\w]+)\s*=\s*(?P<value>:\w+)"
    r"(?:\s+AND\s+(?P<range>[#\w]+)\s*(?:(?P<operator><=|>=|<|>|=)\s*(?P<bound>:\w+)"
    r"|BETWEEN\s+(?P<low>:\w+)\s+AND\s+(?P<high>:\w+)))?\s*",
    re.IGNORECASE,
)
_PAGE_BYTES: Final = 1_048_576
_UNIT_BYTES: Final = 4096
_LAST: Final = "\U0010ffff"

type Entry = tuple[str, str, str]
"""The value of the index's range key, and the table's two keys."""


@dataclass(slots=True)
class Partition:
    """A partition of an index: its items in the order of the range key, then of the table's keys."""

    entries: list[Entry] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield the table's keys, which is what MiniStack keeps."""
        return ((base_hash, base_range) for _, base_hash, base_range in list(self.entries))

    def add(self, entry: Entry) -> None:
        """Put an item in its place."""
        insort(self.entries, entry)

    def remove(self, entry: Entry) -> None:
        """Take an item out."""
        place = bisect_left(self.entries, entry)
        if self.entries[place : place + 1] == [entry]:
            del self.entries[place]

    def between(self, low: str | None, high: str | None, *, low_too: bool, high_too: bool) -> tuple[int, int]:
        """Return the slice of the entries whose range key is between two values."""
        first, last = 0, len(self.entries)
        if low is not None:
            first = bisect_left(self.entries, (low,)) if low_too else bisect_left(self.entries, (low, _LAST))
        if high is not None:
            last = (
                bisect_left(self.entries, (high, _LAST)) if high_too else bisect_left(self.entries, (high,))
            )
        return first, last


@dataclass(frozen=True, slots=True)
class Asked:
    """A query of an index whose keys are texts: its index, its partition, and the bounds of its range key."""

    index: Mapping[str, Any]
    partition: str
    range_name: str
    low: str | None = None
    high: str | None = None
    low_too: bool = True
    high_too: bool = True


def keep_partitions_sorted() -> None:
    """Keep the items of index partitions in order, and read only what a query asks for."""
    indexes = SortedIndexes(dynamodb._query, dynamodb._table_description)
    dynamodb._table_description = indexes.describe
    dynamodb._index_members = indexes.members_of
    dynamodb._index_item = indexes.change
    dynamodb._query = indexes.query


class SortedIndexes:
    """The indexes of all tables; `checks` is MiniStack's query, which still checks every request."""

    def __init__(
        self, checks: Callable[[dict[str, Any]], Any], describe_table: Callable[[str], dict[str, Any]]
    ) -> None:
        self._checks = checks
        self._describe_table = describe_table
        self._turn = threading.RLock()
        self._checked = threading.local()

    def members_of(self, table: dict[str, Any]) -> dict[str, dict[Any, Partition]]:
        """Return the partitions of each index of a table; none while a request is only checked."""
        if checked := getattr(self._checked, "index", None):
            return {checked: {}}
        with self._turn:
            names = {name for name, _, _ in dynamodb._index_key_schemas(table)}
            if table.get(dynamodb._INDEX_MEMBERS, {}).keys() != names:
                table[dynamodb._INDEX_MEMBERS] = _members(table)
            members: dict[str, dict[Any, Partition]] = table[dynamodb._INDEX_MEMBERS]
            return members

    def change(self, table: dict[str, Any], base_hash: str, base_range: str, item: Any, *, add: bool) -> None:
        """Put an item into the indexes of a table that it belongs to, or take it out."""
        with self._turn:
            members = table.get(dynamodb._INDEX_MEMBERS)
            if members is None:
                return
            for name, hashes, ranges in dynamodb._index_key_schemas(table):
                if name not in members:
                    del table[dynamodb._INDEX_MEMBERS]
                    return
                partition = dynamodb._index_partition(item, hashes, ranges)
                if partition is not None:
                    entry = _entry(table, item, ranges, (base_hash, base_range))
                    entries = members[name].setdefault(partition, Partition())
                    entries.add(entry) if add else entries.remove(entry)

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a table, with the number of items that each of its indexes has."""
        described = dict(self._describe_table(name))
        if described.get("GlobalSecondaryIndexes"):
            members = self.members_of(dynamodb._tables[name])
            described["GlobalSecondaryIndexes"] = [
                {**index, "ItemCount": sum(len(one.entries) for one in members[index["IndexName"]].values())}
                for index in described["GlobalSecondaryIndexes"]
            ]
        return described

    def query(self, data: dict[str, Any]) -> Any:
        """Answer a query."""
        table = dynamodb._tables.get(dynamodb._normalize_table_name(data.get("TableName")))
        asked = _asked(table, data) if table else None
        if asked is None:
            return self._checks(data)
        self._checked.index = asked.index["IndexName"]
        try:
            refusal = self._checks(data)
        finally:
            self._checked.index = None
        if refusal[0] != HTTPStatus.OK:
            return refusal
        if key := _filtered_key(data, asked.index):
            said = (
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {key}"
            )
            return dynamodb.error_response_json("ValidationException", said, 400)
        with self._turn:
            partition = self.members_of(table)[asked.index["IndexName"]].get(asked.partition, Partition())
            return _answer(table, data, asked, partition)


def _filtered_key(data: dict[str, Any], index: Mapping[str, Any]) -> str | None:
    """Return a key of the index that a filter names, which AWS refuses."""
    names = data.get("ExpressionAttributeNames") or {}
    used = {
        names.get(text, text)
        for kind, text in dynamodb._tokenize(data.get("FilterExpression") or "")
        if kind in {"IDENT", "NAME_REF"}
    }
    keys = [key["AttributeName"] for key in index["KeySchema"]]
    return next((key for key in keys if key in used), None)


def _members(table: dict[str, Any]) -> dict[str, dict[Any, Partition]]:
    schemas = list(dynamodb._index_key_schemas(table))
    members: dict[str, dict[Any, Partition]] = {name: {} for name, _, _ in schemas}
    for base_hash, items in table["items"].items():
        for base_range, item in items.items():
            for name, hashes, ranges in schemas:
                partition = dynamodb._index_partition(item, hashes, ranges)
                if partition is not None:
                    entry = _entry(table, item, ranges, (base_hash, base_range))
                    members[name].setdefault(partition, Partition()).entries.append(entry)
    for partitions in members.values():
        for one in partitions.values():
            one.entries.sort()
    return members


def _entry(table: dict[str, Any], item: Any, ranges: list[str], base: tuple[str, str]) -> Entry:
    name = ranges[0] if ranges else None
    value = dynamodb._index_order_value(item, name, dynamodb._get_attr_type(table, name)) if name else ""
    return value, *base


def _asked(table: dict[str, Any], data: dict[str, Any]) -> Asked | None:
    """Read a query; None where it is of another kind, which MiniStack itself answers."""
    index = dynamodb._index_def(table, data.get("IndexName")) if data.get("IndexName") else None
    found = _CONDITION.fullmatch(data.get("KeyConditionExpression") or "")
    if index is None or found is None or data.get("QueryFilter") or data.get("AttributesToGet"):
        return None
    hashes, ranges = dynamodb._index_key_lists(index)
    keys = {*hashes, *ranges, table["pk_name"], table["sk_name"]} - {None}
    if (len(hashes), len(ranges)) != (1, 1) or any(
        dynamodb._get_attr_type(table, one) != "S" for one in keys
    ):
        return None
    part, names = found.groupdict(), data.get("ExpressionAttributeNames") or {}
    named = [names.get(part[name], part[name]) for name in ("hash", "range") if part[name]]
    if named != [*hashes, *ranges][: len(named)]:
        return None
    values = data.get("ExpressionAttributeValues") or {}
    given: dict[str, Any] = {
        name: (values.get(part[name]) or {}).get("S")
        for name in ("value", "bound", "low", "high")
        if part[name]
    }
    if None in given.values():
        return None
    return _bounded(Asked(index, given["value"], ranges[0]), part["operator"], given)


def _bounded(asked: Asked, operator: str | None, given: Mapping[str, str]) -> Asked:
    match operator:
        case ">" | ">=":
            return replace(asked, low=given["bound"], low_too=operator == ">=")
        case "<" | "<=":
            return replace(asked, high=given["bound"], high_too=operator == "<=")
        case "=":
            return replace(asked, low=given["bound"], high=given["bound"])
        case _:
            return replace(asked, low=given.get("low"), high=given.get("high"))


def _answer(table: dict[str, Any], data: dict[str, Any], asked: Asked, partition: Partition) -> Any:
    """Return a page as AWS does: up to a limit or 1 MB of what the index projects, charged by its size."""
    name = asked.index["IndexName"]
    page: list[dict[str, Any]] = []
    page_bytes, is_last = 0, True
    for _, base_hash, base_range in _in_order(table, data, asked, partition):
        item = table["items"].get(base_hash, {}).get(base_range)
        if item is None:
            continue
        item = dynamodb._apply_index_projection(item, table, name)
        size = dynamodb._item_size_bytes(item)
        if page and page_bytes + size > _PAGE_BYTES:
            is_last = False
            break
        page.append(item)
        page_bytes += size
        if len(page) == data.get("Limit"):
            is_last = False
            break
    values, names = data.get("ExpressionAttributeValues", {}), data.get("ExpressionAttributeNames", {})
    wanted = data.get("FilterExpression")
    try:
        found = [
            item
            for item in page
            if not wanted
            or dynamodb._evaluate_condition(wanted, item, values, names, slot="FilterExpression")
        ]
        shown = [dynamodb._apply_projection(item, data) for item in found]
    except ValueError as error:
        return dynamodb.error_response_json("ValidationException", str(error), 400)
    result: dict[str, Any] = {"Count": len(found), "ScannedCount": len(page)}
    if data.get("Select") != "COUNT":
        result["Items"] = shown
    if not is_last:
        keys = (
            table["pk_name"],
            table["sk_name"],
            asked.range_name,
            *dynamodb._index_key_lists(asked.index)[0],
        )
        result["LastEvaluatedKey"] = {key: page[-1][key] for key in keys if key}
    if data.get("ReturnConsumedCapacity", "NONE") != "NONE":
        result["ConsumedCapacity"] = _charge(table, data, page_bytes)
    return dynamodb.json_response(result)


def _in_order(
    table: dict[str, Any], data: dict[str, Any], asked: Asked, partition: Partition
) -> Iterator[Entry]:
    first, last = partition.between(asked.low, asked.high, low_too=asked.low_too, high_too=asked.high_too)
    forward = data.get("ScanIndexForward", True)
    if start := data.get("ExclusiveStartKey"):
        after = tuple(
            start[name]["S"] for name in (asked.range_name, table["pk_name"], table["sk_name"]) if name
        )
        if forward:
            first = max(first, bisect_right(partition.entries, after))
        else:
            last = min(last, bisect_left(partition.entries, after))
    places = range(first, last) if forward else range(last - 1, first - 1, -1)
    return (partition.entries[place] for place in places)


def _charge(table: dict[str, Any], data: dict[str, Any], read_bytes: int) -> dict[str, Any]:
    """Return half a unit for each 4 KB read, rounded up once for the page; an empty page is charged like 4 KB."""
    units = max(1, -(-read_bytes // _UNIT_BYTES)) / 2
    charge: dict[str, Any] = {"TableName": table["TableName"], "CapacityUnits": units}
    if data["ReturnConsumedCapacity"] == "INDEXES":
        charge["Table"] = {"CapacityUnits": 0.0}
        charge["GlobalSecondaryIndexes"] = {data["IndexName"]: {"CapacityUnits": units}}
    return charge
