"""A worker of the emulator that dies fails as on AWS, and reserved concurrency is that of the function."""

from __future__ import annotations

import http.client
import http.server
import io
import os
import threading
import time
import zipfile
from pathlib import Path

import pytest
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from scones.local.ministack import lambda_functions
from scones.local.ministack.lambda_functions import RuntimeApiWorker


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
        cut = http.client.HTTPConnection("127.0.0.1", server.server_port)
        cut.putrequest("POST", path)
        cut.putheader("Content-Length", "20")
        cut.endheaders(b'{"passed"')
        cut.sock.shutdown(1)
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            cut.getresponse()
        assert not one._response_ready.is_set()

        whole = http.client.HTTPConnection("127.0.0.1", server.server_port)
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
    assert time.monotonic() - started < 15  # one that waits for the answer takes the 20 s of the function
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
    lambda_functions.run_python_on_the_runtime_api()
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


def test_reserved_concurrency_holds_for_versions_too(monkeypatch: pytest.MonkeyPatch) -> None:
    config = {"FunctionName": "classify", "Version": "7"}
    monkeypatch.setattr(lambda_svc, "_functions", {"classify": {"config": config, "concurrency": 0}})
    for name in ("_acquire_execution_slot", "_release_execution_slot"):
        monkeypatch.setattr(lambda_svc, name, getattr(lambda_svc, name))
    lambda_functions.queue_invocations(4)

    assert lambda_svc._acquire_execution_slot({"config": config}, config) == (None, "function")


def test_a_throttled_invocation_has_the_name_that_retriers_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_svc, "_throttle_response", lambda_svc._throttle_response)
    lambda_functions.name_throttles()
    answer = lambda_svc._throttle_response("ReservedFunctionConcurrentInvocationLimitExceeded", "at 0")
    assert answer["body"]["errorType"] == "Lambda.TooManyRequestsException"
    assert answer["throttle"]
