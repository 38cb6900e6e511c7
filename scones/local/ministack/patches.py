"""What MiniStack 1.5.33 does otherwise than AWS, and this product depends on.

Each adapter names its reason and goes when the emulator no longer needs it. They are applied in the emulator's own
process (:mod:`scones.local.emulator`), and nowhere else: the template and the functions know nothing of them.
"""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack.core import iam_evaluator, lambda_runtime
from ministack.services import dynamodb, lambda_svc, stepfunctions

from scones.local.ministack import (
    alarms,
    definitions,
    distributed_map,
    expressions,
    metric_math,
    metrics,
    multivalued_keys,
    nested_stacks,
    rule_metrics,
    tables,
    version_listings,
    workflow_versions,
)
from scones.local.ministack.lambda_worker import RuntimeApiWorker


def apply(lambda_concurrency: int) -> None:
    """Apply every adapter to the MiniStack of this process.

    Parameters
    ----------
    lambda_concurrency : int
        Invocations that run at once; further ones wait their turn.
    """
    add_put_object()
    run_python_on_the_runtime_api()
    queue_invocations(lambda_concurrency)
    wait_as_retriers_say()
    write_items_one_at_a_time()
    trust_the_loopback()
    definitions.refuse_what_step_functions_refuses()
    expressions.evaluate_without_a_clock()
    multivalued_keys.require_set_operators()
    tables.refuse_what_an_update_cannot_do()
    distributed_map.resolve_paths()
    distributed_map.read_inventories()
    distributed_map.stop_with_the_execution()
    workflow_versions.add_to_cloudformation()
    workflow_versions.ask_permission_on_the_workflow()
    workflow_versions.run_the_version_asked_for()
    nested_stacks.keep_attributes()
    metric_math.add_to_cloudformation()
    rule_metrics.count_matches()
    version_listings.encode_keys()
    metrics.read_embedded_metrics()
    metrics.count_executions()
    alarms.evaluate_like_cloudwatch()
    alarms.keep_evaluating()


def add_put_object() -> None:
    """Let a workflow write an object: ``aws-sdk:s3:putObject`` is not among MiniStack's integrations.

    AWS serialises a JSON ``Body`` to its text, which is how a workflow stores a document without a function.
    """
    dispatch = stepfunctions._dispatch_aws_sdk_rest_xml

    def dispatch_put_object(service: Any, name: str, action: str, arguments: dict[str, Any]) -> Any:
        if (name, action) != ("s3", "putObject"):
            return dispatch(service, name, action, arguments)
        from ministack import app  # noqa: PLC0415  the module must not be imported before its settings are in place

        body = arguments.get("Body", "")
        content = (
            body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        )
        region = stepfunctions.REGION
        headers = {
            "host": f"s3.{region}.amazonaws.com",
            "authorization": f"AWS4-HMAC-SHA256 Credential=test/20260101/{region}/s3/aws4_request",
            "content-type": arguments.get("ContentType", "binary/octet-stream"),
        }
        path = f"/{arguments['Bucket']}/{arguments['Key']}"
        status, answer_headers, answer = app.call_service_handler_sync(
            app.SERVICE_HANDLERS["s3"], "PUT", path, headers, content.encode(), {}
        )
        if status >= 400:  # noqa: PLR2004
            code = "NoSuchBucketException" if b"NoSuchBucket" in answer else "S3Exception"
            raise stepfunctions._ExecutionError(f"S3.{code}", answer.decode(errors="replace"))
        return {"ETag": {key.lower(): value for key, value in answer_headers.items()}.get("etag", "")}

    stepfunctions._dispatch_aws_sdk_rest_xml = dispatch_put_object


def run_python_on_the_runtime_api() -> None:
    """Send python functions down the path that keeps the class name of an error (see `RuntimeApiWorker`)."""
    class_for = lambda_runtime._worker_class_for
    execute_warm = lambda_svc._execute_function_warm
    extract = lambda_svc._extract_zip_preserving_mode

    def is_python(config: dict[str, Any]) -> bool:
        return str(config.get("Runtime", "")).startswith("python")

    def worker_class_for(config: dict[str, Any]) -> Any:
        return RuntimeApiWorker if is_python(config) else class_for(config)

    def execute(function: dict[str, Any], event: Any, request_id: str) -> Any:
        config = function.get("config") or function
        run = lambda_svc._execute_function_provided_warm if is_python(config) else execute_warm
        return run(function, event, request_id)

    def extract_with_bootstrap(code: Any, directory: str) -> None:
        # Here, where MiniStack holds its lock and before it makes the file executable: a second worker that starts
        # at the same time must not find it half made.
        extract(code, directory)
        Path(directory, "bootstrap").write_text(
            f'#!/bin/sh\nexec "{sys.executable}" -m awslambdaric "$_HANDLER"\n'
        )

    lambda_runtime._worker_class_for = worker_class_for
    lambda_svc._execute_function_warm = execute
    lambda_svc._extract_zip_preserving_mode = extract_with_bootstrap


def queue_invocations(concurrency: int) -> None:
    """Let invocations beyond `concurrency` wait, where MiniStack refuses them.

    AWS runs a thousand at once before it throttles. A laptop that started that many Pythons would stand still, and
    one that refuses at four would turn every burst into minutes of back-off. A function's own reserved concurrency
    still throttles.
    """
    slots = threading.BoundedSemaphore(concurrency)
    acquire, release = lambda_svc._acquire_execution_slot, lambda_svc._release_execution_slot

    def acquire_in_turn(function: dict[str, Any], config: dict[str, Any]) -> Any:
        slots.acquire()
        # Reserved concurrency is of the function and all its versions together; MiniStack looks at the version's own.
        whole = lambda_svc._functions.get(config["FunctionName"]) or function
        key, limit = acquire(whole, config)
        if key is None:
            slots.release()
        return key, limit

    def release_in_turn(key: str | None) -> None:
        release(key)
        if key is not None:
            slots.release()

    lambda_svc._acquire_execution_slot = acquire_in_turn
    lambda_svc._release_execution_slot = release_in_turn


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


def trust_the_loopback() -> None:
    """Take a connection for encrypted, as all to AWS are: the emulator speaks plain HTTP, to this machine only.

    With AUTH=true it would refuse all that the bucket policies refuse to unencrypted connections.
    """
    resolve = iam_evaluator._resolve_condition_key

    def resolve_as_if_encrypted(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_as_if_encrypted


def write_items_one_at_a_time() -> None:
    """Let a condition on an item hold until the item is written.

    MiniStack reads, compares and writes without a lock, so two executions can win the same claim.
    """
    turn = threading.RLock()

    def in_turn(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write_in_turn(request: Any) -> Any:
            with turn:
                return write(request)

        return write_in_turn

    for name in ("_put_item", "_update_item", "_delete_item", "_transact_write_items"):
        setattr(dynamodb, name, in_turn(getattr(dynamodb, name)))
