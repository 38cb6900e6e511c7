"""A bucket, a table and a Step Functions that bill each request as AWS's pages say, for as many images as one likes."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sweep.claims import INDEX

# US East (N. Virginia), list prices of November 2026: S3 Standard, DynamoDB on demand, Lambda x86.
LIST_REQUEST = 0.005 / 1_000
READ_UNIT = 0.125 / 1_000_000
WRITE_UNIT = 0.625 / 1_000_000
GIGABYTE_SECOND = 0.0000166667
INVOCATION = 0.20 / 1_000_000
# What the function waits for, longer than it usually takes. Nothing was measured on AWS.
SECONDS = {"run": 1.0, "list": 0.3, "batch_get": 0.04, "query": 0.01, "write": 0.01, "start": 0.05}
GIGABYTES = 0.5
PAGE = 1_000

type Item = dict[str, dict[str, str]]


@dataclass
class Bill:
    """What was asked for, and what that costs."""

    requests: Counter[str] = field(default_factory=Counter)
    read_units: float = 0
    write_units: float = 0

    def read(self, *sizes: int) -> None:
        """
        Bill an eventually consistent read of so many bytes, one that finds nothing included.

        "DynamoDB read and write operations", developer guide: GetItem rounds an item up to 4 KB; BatchGetItem each of
        its items; Query the sum of what it reads. Half a unit for each 4 KB.
        """
        self.read_units += sum(0.5 * max(1, math.ceil(size / 4096)) for size in sizes)

    def write(self, size: int, indexes: int = 0) -> None:
        """Bill a write of an item, rounded up to 1 KB, and of the index where an entry comes or goes."""
        self.write_units += max(1, math.ceil(size / 1024)) * (1 + indexes)
        self.requests["write"] += 1

    @property
    def dollars(self) -> dict[str, float]:
        seconds = sum(SECONDS[name] * count for name, count in self.requests.items())
        return {
            "lists": self.requests["list"] * LIST_REQUEST,
            "reads": self.read_units * READ_UNIT,
            "writes": self.write_units * WRITE_UNIT,
            "function": seconds * GIGABYTES * GIGABYTE_SECOND + self.requests["run"] * INVOCATION,
        }


@dataclass
class BilledBucket:
    """
    Objects that are computed when they are listed.

    Attributes
    ----------
    keys, arrived
        Of a part of the objects, sorted by key; each stands for itself. Before each of them, in the order of keys, are
        `old_ones` more that arrived years ago.
    """

    bill: Bill
    keys: Sequence[str]
    arrived: Mapping[str, datetime]
    clock: Callable[[], datetime]
    old_ones: int = 0

    def list_object_versions(self, *, Bucket: str, Prefix: str, KeyMarker: str = "", **_: str) -> Any:  # noqa: N803
        self.bill.requests["list"] += 1
        now = self.clock()
        versions: list[Any] = []
        name, _tilde, number = KeyMarker.partition("~")
        at, before = (bisect_right(self.keys, name), 0) if not number else (
            bisect_right(self.keys, name) - 1, int(number)
        )  # fmt: skip
        long_ago = now - timedelta(days=4_000)
        while at < len(self.keys) and len(versions) < PAGE:
            key = self.keys[at]
            if before < self.old_ones:
                before += 1
                versions.append(self._version(f"{key}~{before:09}", long_ago))
                continue
            if self.arrived[key] <= now:
                versions.append(self._version(key, self.arrived[key]))
            at, before = at + 1, 0
        answer: dict[str, Any] = {"Versions": versions, "IsTruncated": at < len(self.keys)}
        if answer["IsTruncated"]:
            answer |= {"NextKeyMarker": versions[-1]["Key"], "NextVersionIdMarker": "v"}
        return answer

    def _version(self, key: str, arrived: datetime) -> dict[str, Any]:
        return {"Key": key, "ETag": '"e1"', "VersionId": "v" * 32, "Size": 3_400_000, "LastModified": arrived}


@dataclass
class BilledTable:
    """Claims: finished ones for all keys that arrived, but for those that are lost, and what the sweep writes."""

    bill: Bill
    arrived: Mapping[str, datetime]
    lost: set[str]
    items: dict[str, Item] = field(default_factory=dict)

    def get_parameter(self, **_: Any) -> dict[str, Any]:
        return {"Parameter": {"Value": "0.8"}}  # of SSM: free, as every standard parameter

    def get_item(self, **request: Any) -> Any:
        item = self.items.get(request["Key"]["image_key"]["S"])
        self.bill.read(size_of(item), size_of(item))  # consistent: twice the price
        return {"Item": item} if item else {}

    def put_item(self, *, Item: Item, **_: Any) -> None:  # noqa: N803
        self.items[Item["image_key"]["S"]] = Item
        self.bill.write(size_of(Item))

    def batch_get_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803
        self.bill.requests["batch_get"] += 1
        keys = [key["image_key"]["S"] for key in RequestItems["claims"]["Keys"]]
        claims = []
        for key in keys:
            if key in self.items:
                claims.append(self.items[key])
                self.bill.read(size_of(self.items[key]))
            elif key in self.lost:
                self.bill.read(0)
            else:
                claims.append(FINISHED | {"image_key": {"S": key}})
                self.bill.read(FINISHED_BYTES + len(key))
        return {"Responses": {"claims": claims}}

    def query(self, **request: Any) -> Any:
        assert request["IndexName"] == INDEX
        self.bill.requests["query"] += 1
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        items = [
            item
            for item in self.items.values()
            if item.get("state_shard", {}).get("S") == values[":shard"]
            and values[":since"] <= item["state_since"]["S"] <= values.get(":until", "9")
        ]
        found = sorted(items, key=lambda item: item["state_since"]["S"])[: request.get("Limit")]
        self.bill.read(sum(map(size_of, found)))
        return {"Items": found}

    def update_item(self, *, Key: Item, **request: Any) -> None:  # noqa: N803
        """Put an image into the index, or count its start: what the sweep of an image that was lost writes."""
        key, values = Key["image_key"]["S"], request["ExpressionAttributeValues"]
        item = self.items.setdefault(key, dict(Key))
        entered = "state_shard" not in item
        names = {":shard": "state_shard", ":since": "state_since", ":size": "size", ":now": "swept_at"}
        item |= {name: values[value] for value, name in names.items() if value in values}
        if ":one" in values:
            item["sweeps"] = {"N": "1"}
        self.bill.write(size_of(item), indexes=1 if entered or ":one" in values else 0)

    def start_execution(self, *, input: str, **_: Any) -> Any:  # noqa: A002
        """Act as Step Functions too: the execution gives its image an outcome at once."""
        self.bill.requests["start"] += 1
        for key in [key for key, item in self.items.items() if "sweeps" in item and f'"{key}"' in input]:
            self.lost.discard(key)
            del self.items[key]
        return {"executionArn": "arn"}


def size_of(item: Mapping[str, Any] | None) -> int:
    """Return the bytes of an item: its names and its values."""
    return sum(len(name) + len(str(*value.values()).encode()) for name, value in (item or {}).items())


def _finished_claim() -> Item:
    """Return what a passed image leaves, without its key, with an ARN as long as there is."""
    texts = {
        "etag": "e1",
        "execution": f"arn:aws:states:us-east-1:123456789012:execution:{'n' * 80}:{'n' * 80}",
        "claimed_at": "2026-11-26T10:00:00.000Z",
        "finished_at": "2026-11-26T10:00:02.000Z",
        "outcome": "passed",
        "result_key": f"passed/bicycle/{'k' * 1000}.json",
        "sequencer": "0" * 16,
        "version_id": "v" * 32,
    }
    numbers = {"claim_ends": "1795430000", "attempts": "1", "size": "3400000"}
    return {name: {"S": text} for name, text in texts.items()} | {
        name: {"N": number} for name, number in numbers.items()
    }


FINISHED = _finished_claim()
FINISHED_BYTES = size_of(FINISHED) + len("image_key")
