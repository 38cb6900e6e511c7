"""An expression has no clock against it: a process that stands still in the middle of one loses no image."""

import time

import pytest
from ministack.services import stepfunctions

from scones.local.ministack.step_functions import evaluate_without_a_clock

SLOW = "$map([1..3], function($i) { ($pause(); $i) })"


def evaluated(monkeypatch: pytest.MonkeyPatch) -> object:
    """Evaluate an expression in whose middle the machine is busy elsewhere for longer than MiniStack's second."""
    register = stepfunctions._register_sfn_jsonata_functions

    def register_pause(expression: object) -> None:
        register(expression)
        expression.register_lambda("pause", lambda: time.sleep(0.6))  # type: ignore[attr-defined]

    monkeypatch.setattr(stepfunctions, "_register_sfn_jsonata_functions", register_pause)
    return stepfunctions._evaluate_jsonata(SLOW, {})


def test_an_expression_may_take_longer_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    jsonata = stepfunctions.jsonata.Jsonata
    monkeypatch.setattr(jsonata, "jsonata", staticmethod(jsonata.jsonata))
    evaluate_without_a_clock()
    assert evaluated(monkeypatch) == [1, 2, 3]


def test_ministack_still_needs_the_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(stepfunctions._ExecutionError, match="D1012"):
        evaluated(monkeypatch)
