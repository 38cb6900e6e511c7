"""What MiniStack 1.5.33 leaves out of the Distributed Map that the backfill uses."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import Any

from ministack.services import s3, stepfunctions

_PATHS = {
    "MaxConcurrencyPath": "MaxConcurrency",
    "ToleratedFailurePercentagePath": "ToleratedFailurePercentage",
}


def resolve_paths() -> None:
    """Let concurrency and tolerance come from the input: MiniStack reads the fixed fields only."""
    run = stepfunctions._run_distributed_map

    def run_resolved(state: dict[str, Any], raw: Any, effective: Any, *rest: Any) -> Any:
        context = rest[-1]
        found = {
            field: stepfunctions._resolve_path_or_ctx(state[path], effective, context)
            for path, field in _PATHS.items()
            if path in state
        }
        return run(state | found, raw, effective, *rest)

    stepfunctions._run_distributed_map = run_resolved


def read_inventories() -> None:
    """Let the items be the rows of an S3 Inventory: MiniStack takes its manifest for the items."""
    read = stepfunctions._read_map_items

    def read_inventory(reader: dict[str, Any], effective: Any, context: Any) -> list[Any]:
        if (reader.get("ReaderConfig") or {}).get("InputType") != "MANIFEST":
            return list(read(reader, effective, context))
        place = stepfunctions._resolve_params_obj(reader["Parameters"], effective, context)
        manifest = json.loads(_object(place["Bucket"], place["Key"]))
        columns = [name.strip() for name in manifest["fileSchema"].split(",")]
        rows: list[Any] = []
        for part in manifest["files"]:
            text = gzip.decompress(_object(place["Bucket"], part["key"])).decode()
            rows += [dict(zip(columns, row, strict=True)) for row in csv.reader(io.StringIO(text))]
        return rows

    stepfunctions._read_map_items = read_inventory


def stop_with_the_execution() -> None:
    """Let a map run end with its execution: MiniStack goes on with the items of one that was stopped."""
    run = stepfunctions._run_sub_machine

    def run_while_wanted(states: Any, start_at: Any, item: Any, child: dict[str, Any], context: Any) -> Any:
        map_run = stepfunctions._map_runs.get(child.get("mapRunArn")) or {}
        parent = stepfunctions._executions.get(map_run.get("executionArn")) or {}
        if parent.get("status", "RUNNING") != "RUNNING":
            raise stepfunctions._ExecutionError("States.TaskFailed", "the execution of the map was stopped")
        return run(states, start_at, item, child, context)

    stepfunctions._run_sub_machine = run_while_wanted


def _object(bucket: str, key: str) -> bytes:
    status, _, body = s3._get_object(bucket, key, {}, {})
    if status != 200:  # noqa: PLR2004
        raise stepfunctions._ExecutionError(
            "States.ItemReaderFailed", f"s3://{bucket}/{key} cannot be read ({status})"
        )
    return bytes(body)
