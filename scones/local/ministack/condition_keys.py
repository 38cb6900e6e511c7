"""Condition keys of policies that MiniStack 1.5.33 compares otherwise than IAM."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from ministack.core import iam_actions, iam_evaluator

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
_EXPRESSIONS: Final = (
    "ProjectionExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ConditionExpression",
    "UpdateExpression",
)
# A name at the top level: not of a value (:a), of a nested attribute (.a) or of a function, which has a bracket.
_NAME: Final = re.compile(r"(?<![:.\w#])#?[A-Za-z_0-9]*[A-Za-z_][A-Za-z_0-9]*(?!\w|\s*\()|(?<![:.\w])#\w+")
_KEYWORDS: Final = frozenset({"set", "remove", "add", "delete", "and", "or", "not", "between", "in"})


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


def carry_keys_of_dynamodb() -> None:
    """Let a request to DynamoDB carry all attributes that it names, and `ReturnValues` where it writes.

    MiniStack has those of the projection alone, so that a policy on attributes limits no write and no condition.
    """
    iam_actions.dynamodb_service_context = keys_of_dynamodb


def keys_of_dynamodb(body: bytes) -> dict[str, Any]:
    """Return the condition keys of a request, which has one item or reads an index."""
    try:
        request = json.loads(body or b"{}")
    except ValueError:
        return {}
    if not isinstance(request, dict):
        return {}
    names = request.get("ExpressionAttributeNames") or {}
    found = [
        name
        for expression in _EXPRESSIONS
        for name in _NAME.findall(request.get(expression) or "")
        if name.lower() not in _KEYWORDS
    ]
    attributes = {names.get(name, name) for name in found}
    attributes |= {
        *(request.get("Key") or {}),
        *(request.get("Item") or {}),
        *request.get("AttributesToGet", []),
    }
    context: dict[str, Any] = {"dynamodb:Attributes": sorted(attributes)} if attributes else {}
    if any(name in request for name in ("UpdateExpression", "AttributeUpdates", "Item", "ReturnValues")):
        context["dynamodb:ReturnValues"] = request.get("ReturnValues") or "NONE"
    else:
        projects = "ProjectionExpression" in request or "AttributesToGet" in request
        context["dynamodb:Select"] = request.get("Select") or (
            "SPECIFIC_ATTRIBUTES" if projects else "ALL_ATTRIBUTES"
        )
    return context
