"""DynamoDB, where MiniStack 1.5.33 does otherwise: conditional writes, and updates of a table's indexes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

_TABLE: Final = "AWS::DynamoDB::Table"
_KEPT_ON_UPDATE: Final = {"ProvisionedThroughput", "OnDemandThroughput", "ContributorInsightsSpecification"}


def refuse_what_an_update_cannot_do() -> None:
    """Check the indexes before a table is updated."""
    handlers = provisioners._RESOURCE_HANDLERS[_TABLE]
    update = handlers["update"]

    def check_and_update(
        physical_id: str, before: dict[str, Any], after: dict[str, Any], *arguments: Any, **named: Any
    ) -> Any:
        if problem := problem_of(before, after):
            raise ValueError(problem)
        return update(physical_id, before, after, *arguments, **named)

    provisioners._RESOURCE_HANDLERS[_TABLE] = handlers | {"update": check_and_update}


def problem_of(before: dict[str, Any], after: dict[str, Any]) -> str | None:
    """
    Return why a table with these properties before and after cannot be updated, or None.

    The messages are AWS's own, as the tracker of aws-sam-cli (issue 2753) and of aws-amplify/amplify-cli (issue 11384)
    record them; CloudFormation's page "AWS::DynamoDB::Table" has the rules.
    """
    if before.get("KeySchema") != after.get("KeySchema"):
        return None  # another table replaces this one, with all of its indexes
    old, new = _indexes(before), _indexes(after)
    if len(old.keys() ^ new.keys()) > 1:
        return "Cannot perform more than one GSI creation or deletion in a single update"
    if any(old[name] != new[name] for name in old.keys() & new.keys()):
        return (
            "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. "
            "You can create a new GSI with a different name."
        )
    return None


def _indexes(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what cannot be changed of each index."""
    return {
        index["IndexName"]: {name: value for name, value in index.items() if name not in _KEPT_ON_UPDATE}
        for index in properties.get("GlobalSecondaryIndexes") or []
    }


def write_items_one_at_a_time() -> None:
    """Let a condition on an item hold until the item is written.

    MiniStack reads, compares and writes without a lock, so two executions can win the same claim.
    """
    turn = threading.RLock()

    def in_turn(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def write_in_turn(request: Any) -> Any:
            with turn:
                return write(request)

        return write_in_turn

    for name in ("_put_item", "_update_item", "_delete_item", "_transact_write_items"):
        setattr(dynamodb, name, in_turn(getattr(dynamodb, name)))
