"""Condition keys of policies that MiniStack 1.5.33 compares otherwise than IAM."""

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


def trust_the_loopback() -> None:
    """Take a connection for encrypted, as all to AWS are: the emulator speaks plain HTTP, to this machine only.

    With AUTH=true it would refuse all that the bucket policies refuse to unencrypted connections.
    """
    resolve = iam_evaluator._resolve_condition_key

    def resolve_as_if_encrypted(key: str, context: Any) -> Any:
        return "true" if key.lower() == "aws:securetransport" else resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_as_if_encrypted
