"""The path that one execution took, with the time spent in each state, read from its history."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

_TRIES: Final = ("TaskScheduled", "LambdaFunctionScheduled")


@dataclass(slots=True)
class Visit:
    """One stay of an execution in a state; `left` is None while it lasts."""

    state: str
    entered: datetime
    left: datetime | None = None
    tries: int = 0

    @property
    def text(self) -> str:
        """Return `0.24 s`, `3 tries, 12.1 s` or `running`."""
        tries = f"{self.tries:,} tries, " if self.tries > 1 else ""
        if self.left is None:
            return f"{tries}running"
        return f"{tries}{duration_text((self.left - self.entered).total_seconds())}"


@dataclass(slots=True)
class Path:
    """The visits of an execution in order, and its status in lower case."""

    name: str
    status: str
    visits: list[Visit] = field(default_factory=list)

    @property
    def steps(self) -> set[tuple[str, str]]:
        """Which state followed which."""
        return {(one.state, other.state) for one, other in zip(self.visits, self.visits[1:], strict=False)}

    def by_state(self) -> Mapping[str, tuple[int, str]]:
        """Return for each visited state the number of its first visit and what the picture says of the last."""
        found: dict[str, tuple[int, str]] = {}
        for number, visit in enumerate(self.visits, 1):
            first, _ = found.get(visit.state, (number, ""))
            found[visit.state] = (first, visit.text)
        return found


def read_path(stepfunctions: "SFNClient", execution_arn: str) -> Path:
    """Read the whole history; without inputs and outputs, which hold the image."""
    status = stepfunctions.describe_execution(executionArn=execution_arn)["status"].lower()
    pages = stepfunctions.get_paginator("get_execution_history").paginate(
        executionArn=execution_arn, includeExecutionData=False
    )
    visits = visits_of(event for page in pages for event in page["events"])
    return Path(execution_arn.rsplit(":", 1)[-1], status, visits)


def visits_of(events: "Iterable[HistoryEventTypeDef]") -> list[Visit]:
    """Return the visits that the events of a history tell of, in their order.

    A state that fails the execution has no exit event: it lasts until the execution ends.
    """
    visits: list[Visit] = []
    for event in events:
        entered = event.get("stateEnteredEventDetails")
        if entered:
            visits.append(Visit(entered["name"], event["timestamp"]))
        elif not visits:
            continue
        elif event["type"] in _TRIES:
            visits[-1].tries += 1
        elif "stateExitedEventDetails" in event or event["type"].startswith("Execution"):
            visits[-1].left = visits[-1].left or event["timestamp"]
    return visits


def duration_text(seconds: float) -> str:
    """Return `0.24 s`, `12 s`, `3 min` or `1.5 h`."""
    minute, hour = 60, 3600
    if seconds < minute:
        return f"{seconds:.2f} s" if seconds < minute / 6 else f"{seconds:.0f} s"
    if seconds < hour:
        return f"{seconds / minute:.0f} min"
    return f"{seconds / hour:.1f} h"
