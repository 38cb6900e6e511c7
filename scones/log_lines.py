"""What the functions and the workflow logged about one execution: each line names it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from scones.stack import list_resources

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

SOURCES: Final = ("Serialize", "Classify", "Filter", "Workflow")
"""Log groups that a line about an image can be in, by their logical names without `Logs`."""
_PAGES: Final = 20
_BEFORE: Final = timedelta(seconds=5)
_LONGEST_MESSAGE: Final = 500


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line: when it was written, by which function or the workflow, how serious it is, and what it says."""

    at: datetime
    source: str
    level: str
    message: str


def find_log_groups(cloudformation: "CloudFormationClient", stack: str) -> dict[str, str]:
    """Return the names of the log groups by source; a group that was deleted is not among them."""
    return {
        source: resource.name
        for resource in list_resources(cloudformation, stack)
        if resource.type == "AWS::Logs::LogGroup"
        and (source := resource.logical_id.removesuffix("Logs")) in SOURCES
    }


def read_lines(
    logs: "CloudWatchLogsClient", groups: Mapping[str, str], execution: str, since: datetime, most: int
) -> list[LogLine]:
    """Return the last lines about an execution, the oldest first; metrics and Lambda's own lines are left out."""
    found = [
        line
        for source, group in groups.items()
        for event in _events(logs, group, execution, since)
        if (line := _parse(source, event))
    ]
    return sorted(found, key=lambda line: line.at)[-most:]


def _events(
    logs: "CloudWatchLogsClient", group: str, execution: str, since: datetime
) -> Iterator["FilteredLogEventTypeDef"]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=group,
        startTime=int((since - _BEFORE).timestamp() * 1000),
        filterPattern=f'"{execution}"',
    )
    for page in islice(pages, _PAGES):
        yield from page["events"]


def _parse(source: str, event: "FilteredLogEventTypeDef") -> LogLine | None:
    try:
        line = json.loads(event.get("message", ""))
    except ValueError:
        return None
    if not isinstance(line, dict) or "_aws" in line:
        return None
    at = datetime.fromtimestamp(event.get("timestamp", 0) / 1000, UTC)
    return LogLine(at, source, str(line.get("level") or "INFO"), _message(line)[:_LONGEST_MESSAGE])


def _message(line: Mapping[str, Any]) -> str:
    """Return what a line of a function's logger says, or an event of the workflow's log."""
    details = line.get("details")
    if isinstance(details, dict):  # Step Functions' own
        said = ": ".join(str(details[name]) for name in ("error", "cause") if details.get(name))
        return f"{line.get('type')}: {said}" if said else str(line.get("type"))
    said = ": ".join(str(line[name]) for name in ("message", "why") if line.get(name))
    return " ".join(said.split())
