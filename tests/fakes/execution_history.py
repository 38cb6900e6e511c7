"""A Step Functions with a few executions: their status, their history, and the workflow's definition."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.support import ROOT

START = datetime(2026, 11, 26, 14, 0, tzinfo=UTC)
UNAVAILABLE = (
    "EndpointUnavailableError",
    "endpoint the-endpoint is temporarily unavailable (ServiceUnavailable)",
)


@cache
def definition() -> str:
    return (ROOT / "statemachine" / "classify_image.asl.json").read_text()


def entered(state: str, at: datetime = START) -> dict[str, Any]:
    return {"type": "TaskStateEntered", "timestamp": at, "stateEnteredEventDetails": {"name": state}}


def scheduled(at: datetime = START) -> dict[str, Any]:
    return {"type": "TaskScheduled", "timestamp": at, "taskScheduledEventDetails": {}}


def failed(name: str, message: str, at: datetime) -> dict[str, Any]:
    """A failed attempt, with its cause wrapped as by Lambda."""
    cause = json.dumps({"errorMessage": message, "errorType": name, "stackTrace": ["..."]})
    return {
        "type": "TaskFailed",
        "timestamp": at,
        "taskFailedEventDetails": {"error": name, "cause": cause},
    }


def endpoint_away(attempts: int, start: datetime = START) -> list[dict[str, Any]]:
    """The history of an execution in Classify whose attempts all found the endpoint unavailable."""
    events = [entered("Serialize image", start), scheduled(start), entered("Classify", start)]
    for number in range(attempts):
        at = start + timedelta(seconds=number + 1)
        events += [scheduled(at), failed(*UNAVAILABLE, at)]
    return events


@dataclass
class FakeExecutions:
    """Executions by ARN: the status of each, and its history, the oldest event first; pages are short."""

    statuses: dict[str, str] = field(default_factory=dict)
    histories: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page: int = 1000
    asked: Counter[str] = field(default_factory=Counter)

    def add(self, execution: str, status: str, history: list[dict[str, Any]]) -> None:
        self.statuses[execution], self.histories[execution] = status, history

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        self.asked["states:DescribeExecution"] += 1
        self._require(executionArn, "DescribeExecution")
        return {"status": self.statuses[executionArn]}

    def get_paginator(self, name: str) -> SimpleNamespace:
        assert name == "get_execution_history"

        def paginate(*, executionArn: str, includeExecutionData: bool) -> list[dict[str, Any]]:  # noqa: N803
            assert not includeExecutionData  # the image is among the data
            self._require(executionArn, "GetExecutionHistory")
            return [{"events": self.histories[executionArn]}]

        return SimpleNamespace(paginate=paginate)

    def describe_state_machine_for_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        self.asked["states:DescribeStateMachineForExecution"] += 1
        self._require(executionArn, "DescribeStateMachineForExecution")
        return {"definition": definition()}

    def get_execution_history(
        self,
        *,
        executionArn: str,  # noqa: N803
        reverseOrder: bool,  # noqa: N803
        maxResults: int,  # noqa: N803
        includeExecutionData: bool,  # noqa: N803
        nextToken: str = "0",  # noqa: N803
    ) -> dict[str, Any]:
        self.asked["states:GetExecutionHistory"] += 1
        self._require(executionArn, "GetExecutionHistory")
        assert reverseOrder
        assert not includeExecutionData, "images are among the data"
        events, first = self.histories[executionArn][::-1], int(nextToken)
        size = min(maxResults, self.page)
        more = {"nextToken": str(first + size)} if first + size < len(events) else {}
        return {"events": events[first : first + size], **more}

    def _require(self, execution: str, operation: str) -> None:
        if execution not in self.statuses:
            raise ClientError({"Error": {"Code": "ExecutionDoesNotExist"}}, operation)
