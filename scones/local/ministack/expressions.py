"""A clock that MiniStack 1.5.33 holds to JSONata expressions, and Step Functions does not."""

from __future__ import annotations

from typing import Any

from ministack.services import stepfunctions


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
