"""Starts the local cloud's emulator and writes each JSONata expression that it evaluates, as a JSON document a line.

    SCONES_RECORDED_EXPRESSIONS=<file> python -m tests.judges.recording_emulator

A line holds the expression, its variables, the time and the UUID that it saw, and its value or that it failed.
"""

from __future__ import annotations

import copy
import json
import os
import threading
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scones.local import emulator

VARIABLE = "SCONES_RECORDED_EXPRESSIONS"


def main() -> None:
    record(Path(os.environ[VARIABLE]))
    emulator.main()


def record(file: Path) -> None:
    """Let MiniStack's evaluation of an expression write itself down, and see one time from its start to its end."""
    from ministack.services import stepfunctions

    seen = threading.local()
    turn = threading.Lock()
    evaluate, register = stepfunctions._evaluate_jsonata, stepfunctions._register_sfn_jsonata_functions

    def register_frozen(expression: Any) -> None:
        register(expression)
        expression.register_lambda("now", lambda: seen.time["now"])
        expression.register_lambda("millis", lambda: seen.time["millis"])
        expression.register_lambda("uuid", lambda: seen.time["uuid"])

    def evaluate_and_record(
        expression: str, raw: Any, context: Any = None, result: Any = None, error_output: Any = None
    ) -> Any:
        millis = time.time_ns() // 1_000_000
        now = datetime.fromtimestamp(millis / 1000, UTC).isoformat(timespec="milliseconds")
        seen.time = {"millis": millis, "now": now.replace("+00:00", "Z"), "uuid": str(uuid.uuid4())}
        line = {
            "expression": expression,
            "bindings": bindings_of(raw, context or {}, result, error_output),
            "frozen": seen.time,
        }
        try:
            value = evaluate(expression, raw, context, result, error_output)
            line["value"] = copy.deepcopy(value)
        except stepfunctions._ExecutionError as failed:
            line["error"] = failed.cause
            raise
        finally:
            with turn, file.open("a") as lines:
                lines.write(json.dumps(line) + "\n")
        return value

    stepfunctions._register_sfn_jsonata_functions = register_frozen
    stepfunctions._evaluate_jsonata = evaluate_and_record


def bindings_of(raw: Any, context: dict[str, Any], result: Any, error_output: Any) -> dict[str, Any]:
    """Return the variables of an expression as Step Functions binds them: what there is not is absent, not null."""
    given = {"input": raw, "result": result, "errorOutput": error_output}
    states = {name: value for name, value in given.items() if value is not None}
    states["context"] = {
        name: value for name, value in context.items() if name not in {"variables", "QueryLanguage"}
    }
    return copy.deepcopy(context.get("variables", {}) | {"states": states})


if __name__ == "__main__":
    main()
