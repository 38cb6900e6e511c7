"""An expression has no clock against it: a process that stands still in the middle of one loses no image."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ministack.services import stepfunctions

from scones.local.ministack.step_functions import evaluate_without_a_clock, keep_parsed_expressions

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


def test_an_expression_is_parsed_once_and_evaluated_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = stepfunctions.jsonata.parser.Parser
    parsed: list[str] = []
    parse = parser.parse

    def counted(self: object, expression: str, *arguments: object) -> object:
        parsed.append(expression)
        return parse(self, expression, *arguments)

    monkeypatch.setattr(parser, "parse", counted)
    monkeypatch.setattr(stepfunctions.jsonata.Jsonata, "get_parser", stepfunctions.jsonata.Jsonata.get_parser)
    keep_parsed_expressions()
    expression = "( $own := function($x) { $x * 2 }; $map($states.input.numbers, $own)[$ > 2] )"

    def evaluate(number: int) -> object:
        return stepfunctions._evaluate_jsonata(expression, {"numbers": [1, number, number + 1]})

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(evaluate, range(2, 402)))
    assert found == [[2 * number, 2 * number + 2] for number in range(2, 402)]
    assert 1 <= len(parsed) <= 8  # threads that come at once each parse it
    parsers = {id(stepfunctions.jsonata.Jsonata(expression).parser) for _ in range(2)}
    with ThreadPoolExecutor(2) as pool:
        parsers |= set(pool.map(lambda one: id(stepfunctions.jsonata.Jsonata(one).parser), [expression] * 2))
    assert len(parsers) == 1
    with pytest.raises(stepfunctions._ExecutionError, match="S0"):
        stepfunctions._evaluate_jsonata("$map(", {})
