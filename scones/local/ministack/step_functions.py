"""Step Functions, where MiniStack 1.5.33 does otherwise: definitions, expressions, retries, integrations, maps."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from threading import Lock
from typing import Any

from ministack.services import s3, stepfunctions
from ministack.services.cloudformation import provisioners

MODELLED = ("NoSuchBucket", "NoSuchKey")
"""S3's errors with an exception of their own in the SDK; all others are an S3Exception."""
_START_DELAY_S = 0.15
_PATHS = {
    "MaxConcurrencyPath": "MaxConcurrency",
    "ToleratedFailurePercentagePath": "ToleratedFailurePercentage",
}


def refuse_what_step_functions_refuses() -> None:
    """Check definitions in the API and in CloudFormation."""
    check_expressions = stepfunctions._validate_definition_jsonata
    read_definition = provisioners._sfn_definition

    def validate(definition: Any) -> str | None:
        return check_expressions(definition) or problem_of(definition)

    def read_and_validate(properties: dict[str, Any]) -> Any:
        definition = read_definition(properties)
        if problem := validate(definition):
            raise ValueError(f"Invalid State Machine Definition: '{problem}'")
        return definition

    stepfunctions._validate_definition_jsonata = validate
    provisioners._sfn_definition = read_and_validate


def problem_of(definition: Any) -> str | None:
    """
    Return why Step Functions refuses a definition, or None.

    Sources: Amazon States Language specification ("State names MUST be unique within the scope of the whole state
    machine"), and the Step Functions guide, "ItemReader (Map)" (fields of ReaderConfig).
    """
    try:
        machine = json.loads(definition)
    except (TypeError, ValueError):
        return None  # MiniStack's own check says so
    states = list(_states(machine, ""))
    names = Counter(name for _, name, _ in states)
    for path, name, state in states:
        if names[name] > 1:
            return f"DUPLICATE_STATE_NAME: Duplicate State name: {name} at {path}/{name}"
        reader = (state.get("ItemReader") or {}).get("ReaderConfig") or {}
        if {"InputType", "ManifestType"} <= reader.keys():
            return (
                "SCHEMA_VALIDATION_FAILED: InputType and ManifestType exclude each other "
                f"at {path}/{name}/ItemReader"
            )
    return None


def _states(machine: Any, path: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield the path, name and definition of each state, nested ones included."""
    for name, state in (machine.get("States") or {}).items():
        yield f"{path}/States", name, state
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])]
        for nested in filter(None, inner):
            yield from _states(nested, f"{path}/States/{name}")


def start_at_once() -> None:
    """Enter the first state when the execution starts; MiniStack sleeps before it, half of the time of a warm image.

    Raises
    ------
    RuntimeError
        When the sleep is not where it was in the version that this was written for.
    """
    code = stepfunctions._run_execution.__code__
    if code.co_consts.count(_START_DELAY_S) != 1:
        raise RuntimeError("MiniStack's _run_execution has changed: see README.md, `start_at_once`")
    without = tuple(0 if one == _START_DELAY_S else one for one in code.co_consts)
    stepfunctions._run_execution.__code__ = code.replace(co_consts=without)


def refuse_input_that_is_no_json() -> None:
    """Refuse to start an execution whose input is no JSON, as StartExecution does (`InvalidExecutionInput`)."""
    start = stepfunctions._start_execution

    def start_if_json(data: dict[str, Any]) -> Any:
        try:
            json.loads(data.get("input", "{}"))
        except (TypeError, ValueError):
            message = "Invalid State Machine Execution Input: 'the input is no JSON text'"
            return stepfunctions.error_response_json("InvalidExecutionInput", message, 400)
        return start(data)

    stepfunctions._start_execution = start_if_json


def evaluate_without_a_clock() -> None:
    """Let an expression take the time it takes.

    MiniStack ends one after a second of wall clock. On a busy machine a process can stand still for that long in the
    middle of any expression: its execution died, and its image waited for the sweep.
    """
    compile_ = stepfunctions.jsonata.Jsonata.jsonata

    def compile_without(expression: str, *arguments: Any, **options: Any) -> Any:
        options.pop("timeout", None)
        return compile_(expression, *arguments, **options)

    stepfunctions.jsonata.Jsonata.jsonata = staticmethod(compile_without)


def keep_parsed_expressions() -> None:
    """Parse each JSONata expression once: MiniStack does so for each evaluation, which takes longer than evaluating it.

    An evaluation does not change what the parser returns (jsonata-python 0.7.1), so that threads may share it. They
    share the parser too: each execution is a thread, and a parser of its own takes 90 KB.
    """
    parser = stepfunctions.jsonata.parser.Parser
    parse, shared, one_at_a_time = parser.parse, parser(), Lock()

    @lru_cache(maxsize=1024)
    def parsed(expression: str, regex_engine: Any) -> Any:
        with one_at_a_time:
            return parse(shared, expression, regex_engine)

    stepfunctions.jsonata.Jsonata.get_parser = staticmethod(lambda: shared)
    parser.parse = lambda _self, expression, regex_engine: parsed(expression, regex_engine)


def read_and_write_objects() -> None:
    """Let a workflow read and write an object: neither is among MiniStack's integrations.

    AWS serialises a JSON ``Body`` to its text, which is how a workflow stores a document without a function, and
    returns the content of an object as text. An error has the name of the exception of AWS's SDK for Java.
    """
    dispatch = stepfunctions._dispatch_aws_sdk_rest_xml

    def dispatch_objects(service: Any, name: str, action: str, arguments: dict[str, Any]) -> Any:
        match (name, action):
            case ("s3", "putObject"):
                body = arguments.get("Body", "")
                text = (
                    body
                    if isinstance(body, str)
                    else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
                )
                kind = arguments.get("ContentType", "binary/octet-stream")
                headers, _ = _of_s3("PUT", arguments, text.encode(), {"content-type": kind})
                return {"ETag": headers.get("etag", "")}
            case ("s3", "getObject"):
                headers, content = _of_s3("GET", arguments, b"", {})
                return {"Body": content.decode(), "ETag": headers.get("etag", "")}
        return dispatch(service, name, action, arguments)

    stepfunctions._dispatch_aws_sdk_rest_xml = dispatch_objects


def _of_s3(
    method: str, arguments: dict[str, Any], body: bytes, headers: dict[str, str]
) -> tuple[dict[str, str], bytes]:
    """Send a request for an object to MiniStack's S3; return the headers and the body of its answer."""
    from ministack import app  # noqa: PLC0415  the module must not be imported before its settings are in place

    region = stepfunctions.REGION
    headers = headers | {
        "host": f"s3.{region}.amazonaws.com",
        "authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/s3/aws4_request",
    }
    path = f"/{arguments['Bucket']}/{arguments['Key']}"
    status, answered, content = app.call_service_handler_sync(
        app.SERVICE_HANDLERS["s3"], method, path, headers, body, {}
    )
    if status >= 400:  # noqa: PLR2004
        code = next((code for code in MODELLED if f"<Code>{code}</Code>".encode() in content), "S3")
        raise stepfunctions._ExecutionError(f"S3.{code}Exception", content.decode(errors="replace"))
    return {key.lower(): value for key, value in answered.items()}, content


def wait_as_retriers_say() -> None:
    """Wait between attempts as long as the workflow's Retry says.

    MiniStack waits 60 s at most and draws no jitter: an outage would use up the attempts in a fifth of the time that
    AWS takes, and what failed together would come back together.
    """
    find = stepfunctions._find_matching_retrier

    def find_and_wait(retriers: list[dict[str, Any]], error: str, counts: dict[int, int]) -> Any:
        retrier, index = find(retriers, error, counts)
        if retrier is None:
            return retrier, index
        delay_s = retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** counts.get(index, 0)
        delay_s = min(delay_s, retrier.get("MaxDelaySeconds", delay_s))
        if retrier.get("JitterStrategy") == "FULL":
            delay_s = random.uniform(0, delay_s)  # noqa: S311  chance, not a secret
        stepfunctions._scaled_sleep(delay_s)
        return retrier | {"IntervalSeconds": 0}, index  # which leaves MiniStack nothing to wait for

    stepfunctions._find_matching_retrier = find_and_wait


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
    """Let a map run end with its execution: MiniStack continues with the items of a stopped one."""
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
