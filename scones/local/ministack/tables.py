"""Refuse the updates of a table's indexes that CloudFormation and DynamoDB refuse.

MiniStack 1.5.33 adds and removes as many indexes as a template says, and makes a changed one anew. A stack deployed
before would be updated here and rolled back on AWS, where each release may add or remove one index.
"""

from __future__ import annotations

from typing import Any, Final

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
