"""Condition keys that hold a set of values: MiniStack 1.5.33 compares such a set as if it were one string.

"Single-valued vs. multivalued context keys" of the IAM User Guide: a multivalued key requires a set operator. Under a
plain one a statement does not apply to any request that carries the key, whatever the values are.
"""

from __future__ import annotations

from typing import Any, Final

from ministack.core import iam_evaluator

# Of the keys that policies of this project may name; `ArrayOf...` in the Service Authorization Reference.
MULTIVALUED: Final = frozenset(
    {
        "aws:calledvia",
        "aws:principalservicenameslist",
        "aws:tagkeys",
        "dynamodb:attributes",
        "dynamodb:leadingkeys",
        "states:statemachinequalifier",
    }
)
_SET_OPERATORS: Final = ("forallvalues:", "foranyvalue:")


def require_set_operators() -> None:
    """Let a condition without a set operator hold for no value of a multivalued key."""
    resolve, compare = iam_evaluator._resolve_condition_key, iam_evaluator._evaluate_single_condition

    def resolve_as_set(key: str, context: Any) -> Any:
        value = resolve(key, context)
        return [value] if key.lower() in MULTIVALUED and isinstance(value, str) else value

    def compare_sets(operator: str, actual: Any, expected: list[str]) -> bool:
        plain = operator.lower() != "null" and not operator.lower().startswith(_SET_OPERATORS)
        return not (plain and isinstance(actual, list)) and bool(compare(operator, actual, expected))

    iam_evaluator._resolve_condition_key = resolve_as_set
    iam_evaluator._evaluate_single_condition = compare_sets
