"""Measure what one image leaves behind: ``python benchmarks/footprint.py`` beside a fresh ``scones up``.

Prints one JSON document: by outcome the bytes of log lines, of the result document, of the claim and of its items in
the indexes, as DynamoDB counts them; and how many metrics a sweep sends before the first image. `make footprint` writes
it to benchmarks/footprint.json, from which `make docs` derives tables of docs/capacity.md.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scones.connection import Connection, Target, connect
from scones.stack import Stack, list_resources, read_stack

SAMPLES = Path(__file__).parents[1] / "events" / "images"
COPIES, WARM_UP = 10, 3
TIMEOUT_S = 180
LOG_EVENT_BYTES = 26
"""That CloudWatch Logs adds to each event (CloudWatch Logs guide, "CloudWatch Logs quotas", PutLogEvents)."""
ITEM_BYTES = 100
"""That DynamoDB adds to each item of a table or an index that it stores (DynamoDB guide, "Estimating storage")."""
WRITE_UNIT_BYTES = 1024
FUNCTIONS = ("SerializeLogs", "ClassifyLogs", "FilterLogs", "WorkflowLogs")


def main() -> None:
    """Measure and print."""
    connection = connect(Target())
    stack = read_stack(connection)
    if list(claims(connection, stack)):
        sys.exit("the local cloud has images: `scones down`, then `scones up`, makes a fresh one")
    idle = idle_metrics(connection, stack)
    by_outcome: dict[str, list[Path]] = {}
    for sample in sorted(SAMPLES.iterdir()):
        outcome = drop(connection, stack, sample, "first", WARM_UP)[0]["outcome"]["S"]
        by_outcome.setdefault(outcome, []).append(sample)
    indexes = described_indexes(connection, stack)
    outcomes = {
        outcome: footprint(connection, stack, samples, indexes)
        for outcome, samples in sorted(by_outcome.items())
    }
    report = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "by": "benchmarks/footprint.py on the local cloud, samples of events/images, functions warm",
        "idle_metrics": idle,
        "outcomes": outcomes,
    }
    print(json.dumps(report, indent=2))


def idle_metrics(connection: Connection, stack: Stack) -> int:
    """Count the metrics that have data after two sweeps without an image."""
    client = connection.lambda_(60)
    for _ in range(2):
        client.invoke(FunctionName=stack.sweep_function, Payload=b"{}")
    pages = connection.cloudwatch().get_paginator("list_metrics").paginate(Namespace=f"Scones/{stack.name}")
    return sum(len(page["Metrics"]) for page in pages)


def footprint(
    connection: Connection, stack: Stack, samples: list[Path], indexes: dict[str, set[str]]
) -> dict[str, Any]:
    """Drop copies of samples, and return the means of what each left."""
    before = log_bytes(connection)
    items = [item for sample in samples for item in drop(connection, stack, sample, "counted", COPIES)]
    time.sleep(2)  # the last log lines are written after the claim is closed
    logs = log_bytes(connection) - before
    documents = document_bytes(connection, stack)
    keys = {item["image_key"]["S"].removeprefix(stack.incoming_prefix) for item in items}
    return {
        "images": len(items),
        "log_bytes": round(logs / len(items)),
        "document_bytes": round(
            statistics.mean(
                size for name, size in documents.items() if any(f"/{key}/" in name for key in keys)
            )
        ),
        "claim_bytes": round(statistics.mean(item_bytes(item) + ITEM_BYTES for item in items)),
        "index_bytes": round(
            statistics.mean(
                sum(projected_bytes(item, attributes) for attributes in indexes.values()) for item in items
            )
        ),
        "claims_over_a_write_unit": sum(item_bytes(item) > WRITE_UNIT_BYTES for item in items),
    }


def drop(
    connection: Connection, stack: Stack, sample: Path, folder: str, copies: int
) -> list[dict[str, Any]]:
    """Upload a sample under several keys, one after the other's outcome, and return their claims."""
    s3, found = connection.s3(), []
    for number in range(copies):
        key = f"{stack.incoming_prefix}footprint/{folder}/{number}/{sample.name}"
        s3.upload_file(str(sample), stack.image_bucket, key)
        found.append(closed_claim(connection, stack, key))
    return found


def closed_claim(connection: Connection, stack: Stack, key: str) -> dict[str, Any]:
    """Wait for the outcome of a key."""
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        for item in claims(connection, stack):
            if item["image_key"]["S"] == key and "outcome" in item:
                return item
        time.sleep(0.1)
    sys.exit(f"{key} has no outcome after {TIMEOUT_S} s")


def claims(connection: Connection, stack: Stack) -> Iterable[dict[str, Any]]:
    """Yield the claims of images; the sweep's own items have other keys."""
    for page in connection.dynamodb().get_paginator("scan").paginate(TableName=stack.claims_table):
        yield from (
            item for item in page["Items"] if item["image_key"]["S"].startswith(stack.incoming_prefix)
        )


def log_bytes(connection: Connection) -> int:
    """Return the bytes of the log lines of the workflow and its functions, as they are billed."""
    logs = connection.logs()
    groups = [
        one.name
        for one in list_resources(connection.cloudformation(), connection.stack)
        if one.logical_id in FUNCTIONS and one.type == "AWS::Logs::LogGroup"
    ]
    return sum(
        len(event["message"].encode()) + LOG_EVENT_BYTES
        for group in groups
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        for event in page["events"]
    )


def document_bytes(connection: Connection, stack: Stack) -> dict[str, int]:
    """Return the size of every result document by its key."""
    pages = connection.s3().get_paginator("list_objects_v2").paginate(Bucket=stack.results_bucket)
    return {one["Key"]: one["Size"] for page in pages for one in page.get("Contents", [])}


def described_indexes(connection: Connection, stack: Stack) -> dict[str, set[str]]:
    """Return what each index has of an item, its keys first."""
    table = connection.dynamodb().describe_table(TableName=stack.claims_table)["Table"]
    of_table = {key["AttributeName"] for key in table["KeySchema"]}
    return {
        index["IndexName"]: of_table
        | {key["AttributeName"] for key in index["KeySchema"]}
        | set(index["Projection"].get("NonKeyAttributes", []))
        for index in table.get("GlobalSecondaryIndexes", [])
    }


KEYS = {"by_state": "state_shard", "by_time": "outcome_shard", "by_draw": "draw_shard"}


def projected_bytes(item: dict[str, Any], attributes: set[str]) -> int:
    """Return the bytes of an item in an index, 0 where the index does not have it."""
    (key,) = [name for name in KEYS.values() if name in attributes]
    if key not in item:
        return 0
    return item_bytes({name: item[name] for name in attributes if name in item}) + ITEM_BYTES


def item_bytes(item: dict[str, Any]) -> int:
    """Return the size of an item (DynamoDB guide, "DynamoDB item sizes and formats")."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: dict[str, Any]) -> int:
    """Return the size of an attribute's value; a number takes a byte for two digits and one more."""
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return (len(content.replace("-", "").replace(".", "")) + 1) // 2 + 1
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + value_bytes(one) for one in content)
        case "M":
            return 3 + sum(1 + len(name.encode()) + value_bytes(one) for name, one in content.items())
        case _:
            return sum(len(one.encode()) for one in content)


if __name__ == "__main__":
    main()
