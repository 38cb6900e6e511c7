"""Alarms on a metric math expression, which MiniStack 1.5.33 refuses in templates and cannot evaluate.

The functions and operators are those that the templates use; any other is refused when the alarm is made.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any, Final

from ministack.services.cloudformation import provisioners

type Value = float | None
"""The value of a metric or an expression in one period; None where there is no data."""

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}
_OF_LISTS: Final[dict[str, Callable[[list[float]], float]]] = {"SUM": sum, "MAX": max, "MIN": min}


def add_to_cloudformation() -> None:
    """Let a template's alarm have `Metrics` in place of one metric; :func:`alarms.evaluate` reads them.

    Each property but the name is updated in place and leaves the alarm's state as it is (CloudWatch, PutMetricAlarm).
    """
    record = provisioners._cw_metric_alarm_record

    def record_with_metrics(name: str, properties: dict[str, Any]) -> dict[str, Any]:
        queries = properties.get("Metrics")
        if not queries:
            return dict(record(name, properties))
        _check(queries)
        period = max(int(one["MetricStat"]["Period"]) for one in queries if "MetricStat" in one)
        single = {"Namespace": "expression", "MetricName": name, "Period": period}
        alarm = record(name, {key: value for key, value in properties.items() if key != "Metrics"} | single)
        return dict(alarm | {"Metrics": queries})

    provisioners._cw_metric_alarm_record = record_with_metrics


def evaluate(queries: list[dict[str, Any]], measure: Callable[[dict[str, Any]], Value]) -> Value:
    """Return what the queries of an alarm come to in one period.

    Parameters
    ----------
    queries : list of dict
        As in PutMetricAlarm's `Metrics`; the one whose data is returned is the result.
    measure : callable
        Returns the value of a `MetricStat`.
    """
    by_id = {query["Id"]: query for query in queries}

    def value_of(name: str) -> Value:
        query = by_id[name]
        if "MetricStat" in query:
            return measure(query["MetricStat"])
        return _value(ast.parse(query["Expression"], mode="eval").body, value_of)

    return value_of(_result(queries)["Id"])


def _result(queries: list[dict[str, Any]]) -> dict[str, Any]:
    (result,) = [query for query in queries if str(query.get("ReturnData", True)).lower() == "true"]
    return result


def _check(queries: list[dict[str, Any]]) -> None:
    """Evaluate everything once with numbers, so that what is unknown is refused, not skipped."""
    _result(queries)
    for query in queries:
        evaluate([one | {"ReturnData": one is query} for one in queries], lambda _: 1.0)


def _value(node: ast.expr, value_of: Callable[[str], Value]) -> Value:
    match node:
        case ast.Constant(value=float() | int() as number):
            return float(number)
        case ast.Name(id=name):
            return value_of(name)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _both(_ARITHMETIC[type(op)], _value(left, value_of), _value(right, value_of))
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
            return _both(_COMPARISONS[type(op)], _value(left, value_of), _value(right, value_of))
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            found = _value(condition, value_of)
            return None if found is None else _value(then if found else otherwise, value_of)
        case ast.Call(func=ast.Name(id=function), args=[ast.List(elts=parts)]) if function in _OF_LISTS:
            known = [value for part in parts if (value := _value(part, value_of)) is not None]
            return float(_OF_LISTS[function](known)) if known else None
    raise ValueError(f"the local cloud does not know this part of metric math: {ast.unparse(node)}")


def _both(combine: Callable[[float, float], float], left: Value, right: Value) -> Value:
    if left is None or right is None or (combine is operator.truediv and right == 0):
        return None
    return float(combine(left, right))
