"""A Lambda worker of MiniStack 1.5.33 that fails as AWS's do."""

from __future__ import annotations

from typing import Any

from ministack.core import lambda_runtime


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
