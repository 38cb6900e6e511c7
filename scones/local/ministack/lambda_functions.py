"""Lambda, where MiniStack 1.5.33 does otherwise: the names of errors, dying workers, and invocations beyond a limit."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc


class RuntimeApiWorker(lambda_runtime.ProvidedWorker):  # type: ignore[misc]
    """A warm python worker that speaks the Lambda Runtime API through AWS's own client, awslambdaric.

    MiniStack's python worker reports every exception as ``Runtime.HandlerError``, so that no Retry or Catch that
    names an error could ever match.
    """

    def _build_handler_class(self, *arguments: Any) -> Any:
        base: Any = super()._build_handler_class(*arguments)

        class WholeAnswers(base):  # type: ignore[misc]
            # Headers and body leave in two writes; without this the second waits 40 ms for the first one's ACK.
            disable_nagle_algorithm = True

            def _read_body(self) -> bytes:
                """Read an answer; MiniStack takes what a worker had sent when it was killed for all of it."""
                body = bytes(super()._read_body())
                if len(body) < int(self.headers.get("Content-Length", 0)):
                    raise ConnectionAbortedError("the worker died in the middle of its answer")
                return body

        return WholeAnswers

    def invoke(self, *arguments: Any, **options: Any) -> Any:
        """Run one invocation; a worker that dies while it starts fails this one alone.

        MiniStack stops every worker of the function then, those in the middle of an answer too.
        """
        try:
            return super().invoke(*arguments, **options)
        except RuntimeError as error:
            kind = getattr(error, "error_type", "") or "Runtime.Unknown"
            payload = {"errorMessage": str(error), "errorType": kind}
            return {"status": "error", "error": str(error), "error_payload": payload, "log": ""}


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
    """Let invocations of a function beyond `concurrency` wait, where MiniStack refuses them.

    AWS runs a thousand at once before it throttles. A laptop that started that many Pythons would stand still, and
    one that refuses at four would turn every burst into minutes of back-off. A function's own reserved concurrency
    still throttles.
    """
    slots: dict[str, threading.BoundedSemaphore] = {}
    acquire, release = lambda_svc._acquire_execution_slot, lambda_svc._release_execution_slot

    def acquire_in_turn(function: dict[str, Any], config: dict[str, Any]) -> Any:
        own = slots.setdefault(lambda_svc._inflight_key(config), threading.BoundedSemaphore(concurrency))
        own.acquire()
        # Reserved concurrency is of the function and all its versions together; MiniStack looks at the version's own.
        whole = lambda_svc._functions.get(config["FunctionName"]) or function
        key, limit = acquire(whole, config)
        if key is None:
            own.release()
        return key, limit

    def release_in_turn(key: str | None) -> None:
        release(key)
        if key is not None:
            slots[key].release()

    lambda_svc._acquire_execution_slot = acquire_in_turn
    lambda_svc._release_execution_slot = release_in_turn


def name_throttles() -> None:
    """Give a throttled invocation the name that a Retry lists: MiniStack's has none, and becomes `Lambda.Unknown`."""
    respond = lambda_svc._throttle_response

    def respond_by_name(*arguments: Any, **options: Any) -> Any:
        answer = respond(*arguments, **options)
        answer["body"]["errorType"] = "Lambda.TooManyRequestsException"
        return answer

    lambda_svc._throttle_response = respond_by_name
