"""The emulator does as AWS where the product depends on it."""

from __future__ import annotations

import http.client
import io
import os
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime
from ministack.services import dynamodb, lambda_svc, stepfunctions

from scones.local.ministack import distributed_map, patches
from scones.local.ministack.lambda_worker import RuntimeApiWorker

RETRIER = {
    "ErrorEquals": ["States.ALL"],
    "IntervalSeconds": 1,
    "BackoffRate": 2,
    "MaxDelaySeconds": 300,
    "MaxAttempts": 12,
}


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the emulator sleeps between attempts, in seconds of the workflow."""
    slept: list[float] = []
    monkeypatch.setattr(stepfunctions, "_find_matching_retrier", stepfunctions._find_matching_retrier)
    monkeypatch.setattr(stepfunctions, "_scaled_sleep", slept.append)
    patches.wait_as_retriers_say()
    return slept


def fail_until_given_up(retrier: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a state that always fails, as the emulator does."""

    def fail(*_: object) -> None:
        raise stepfunctions._ExecutionError("Some.Error", "always")

    monkeypatch.setattr(stepfunctions, "_invoke_resource", fail)
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Retry": [retrier], "End": True}
    context = {"State": {"Name": "Fails", "RetryCount": 0}, "variables": {}, "QueryLanguage": "JSONPath"}
    execution = {"events": [], "executionArn": "arn", "status": "RUNNING"}
    with pytest.raises(stepfunctions._ExecutionError):
        stepfunctions._execute_task(state, {}, execution, context)


def test_a_delay_grows_to_the_longest_that_the_retry_allows(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_until_given_up(RETRIER, monkeypatch)
    assert [delay for delay in waits if delay] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]


def test_full_jitter_draws_from_nothing_to_the_delay(
    waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    steady = {"BackoffRate": 1, "IntervalSeconds": 100, "MaxAttempts": 200, "JitterStrategy": "FULL"}
    fail_until_given_up(RETRIER | steady, monkeypatch)
    drawn = [delay for delay in waits if delay]
    assert len(drawn) == 200
    assert 0 < min(drawn) < 10
    assert 90 < max(drawn) <= 100
    assert 40 < sum(drawn) / len(drawn) < 60


def worker() -> RuntimeApiWorker:
    return RuntimeApiWorker("scones-Filter-1", {"FunctionName": "scones-Filter-1", "Timeout": 20}, b"")


def test_half_an_answer_is_no_answer() -> None:
    """A worker that is killed while it sends must not count as one that answered an empty string."""
    one = worker()
    one._generation, one._current_request_id = 1, "abc"
    handler = one._build_handler_class(1, one._pending)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        path = "/2018-06-01/runtime/invocation/abc/response"
        cut = http.client.HTTPConnection(*server.server_address[:2])
        cut.putrequest("POST", path)
        cut.putheader("Content-Length", "20")
        cut.endheaders(b'{"passed"')
        cut.sock.shutdown(1)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            cut.getresponse()
        assert not one._response_ready.is_set()

        whole = http.client.HTTPConnection(*server.server_address[:2])
        whole.request("POST", path, b'{"passed": true}')
        assert whole.getresponse().status == 202
        assert one._result == {"response": {"passed": True}}
        server.shutdown()


def test_a_worker_that_dies_while_it_starts_fails_its_own_call_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_: object, **__: object) -> None:
        raise RuntimeError("bootstrap exited during init with code -9")

    monkeypatch.setattr(lambda_runtime.ProvidedWorker, "_spawn", die)
    started = time.monotonic()
    answer = worker().invoke({}, "abc")
    assert time.monotonic() - started < 5
    assert answer["error_payload"] == {
        "errorMessage": "bootstrap exited during init with code -9",
        "errorType": "Runtime.Unknown",
    }


def test_no_worker_finds_a_bootstrap_that_is_half_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One that found it written and not yet executable failed its image: Runtime.InvalidEntrypoint, never retried."""
    monkeypatch.setattr(lambda_svc, "_PROVIDED_CODE_CACHE", str(tmp_path))
    for module, name in (
        (lambda_svc, "_extract_zip_preserving_mode"),
        (lambda_svc, "_execute_function_warm"),
        (lambda_runtime, "_worker_class_for"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    patches.run_python_on_the_runtime_api()
    seen_by_others: list[bool] = []

    class Lock:
        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None:
            seen_by_others.append(all(os.access(code / "bootstrap", os.X_OK) for code in tmp_path.iterdir()))

    monkeypatch.setattr(lambda_svc, "_provided_code_lock", Lock())
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "handler = print")

    directory = Path(lambda_svc._provided_runtime_code_dir(code.getvalue()))

    assert seen_by_others
    assert all(seen_by_others)
    assert {path.name for path in directory.iterdir()} == {"app.py", "bootstrap"}


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
    patches.write_items_one_at_a_time()

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: dynamodb._update_item(str(number)), range(8)))

    assert won.count(True) == 1


@pytest.mark.parametrize(("status", "items_run"), [("RUNNING", 1), ("ABORTED", 0)])
def test_a_map_goes_on_while_its_execution_runs_and_no_longer(
    monkeypatch: pytest.MonkeyPatch, status: str, items_run: int
) -> None:
    run: list[object] = []
    monkeypatch.setattr(stepfunctions, "_run_sub_machine", lambda *arguments: run.append(arguments))
    monkeypatch.setattr(stepfunctions, "_map_runs", {"map": {"executionArn": "parent"}})
    monkeypatch.setattr(stepfunctions, "_executions", {"parent": {"status": status}})
    distributed_map.stop_with_the_execution()

    with nullcontext() if items_run else pytest.raises(stepfunctions._ExecutionError):
        stepfunctions._run_sub_machine({}, "A", {}, {"mapRunArn": "map"}, {})

    assert len(run) == items_run


def test_reserved_concurrency_holds_for_versions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"FunctionName": "classify", "Version": "7"}
    monkeypatch.setattr(lambda_svc, "_functions", {"classify": {"config": config, "concurrency": 0}})
    for name in ("_acquire_execution_slot", "_release_execution_slot"):
        monkeypatch.setattr(lambda_svc, name, getattr(lambda_svc, name))
    patches.queue_invocations(4)

    assert lambda_svc._acquire_execution_slot({"config": config}, config) == (None, "function")
