"""Metrics that AWS makes automatically and MiniStack 1.5.33 does not."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any, Final

from ministack.services import cloudwatch, eventbridge, lambda_svc, sqs, stepfunctions

_OF_STATUS: Final = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}
_RULE: Final = "rule "


def read_embedded_metrics() -> None:
    """Take the metrics out of what functions log: MiniStack does not know the embedded metric format (EMF)."""
    write = lambda_svc._emit_lambda_logs

    def write_and_read(
        function: dict[str, Any], request_id: str, text: str, *rest: Any, **options: Any
    ) -> None:
        write(function, request_id, text, *rest, **options)
        for line in text.splitlines() if text else ():
            if line.startswith("{") and '"CloudWatchMetrics"' in line:
                _record_embedded(json.loads(line))

    lambda_svc._emit_lambda_logs = write_and_read


def count_executions() -> None:
    """Count how executions begin and end, and how long they take, as Step Functions does."""
    publish = stepfunctions._emit_execution_status_event

    def publish_and_count(execution: dict[str, Any]) -> None:
        publish(execution)
        workflow = {"StateMachineArn": ":".join(execution["stateMachineArn"].split(":")[:7])}
        took_ms = None
        if execution.get("stopDate"):
            began, ended = (datetime.fromisoformat(execution[name]) for name in ("startDate", "stopDate"))
            took_ms = (ended - began).total_seconds() * 1000
        for dimensions in (workflow, *_qualified(execution, workflow)):
            cloudwatch.record_metric("AWS/States", _OF_STATUS[execution["status"]], 1, "Count", dimensions)
            if took_ms is not None:
                cloudwatch.record_metric("AWS/States", "ExecutionTime", took_ms, "Milliseconds", dimensions)

    stepfunctions._emit_execution_status_event = publish_and_count


def measure_queues() -> None:
    """Say how many messages wait now in each queue that is not empty."""
    now = time.time()
    for queue in list(sqs._queues.values()):
        visible = sum(message["visible_at"] <= now for message in list(queue["messages"]))
        if visible:
            name = {"QueueName": queue["name"]}
            cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, "Count", name)


def _qualified(execution: dict[str, Any], workflow: dict[str, str]) -> list[dict[str, str]]:
    """Return the further dimensions of an execution of an alias or else of a version.

    Step Functions guide, "Monitoring Step Functions metrics using Amazon CloudWatch": what was started by an alias has
    the alias. Whether it has the version too is not said, so here it has not.
    """
    for name in ("Alias", "Version"):
        if arn := execution.get(f"stateMachine{name}Arn"):
            return [workflow | {name: arn.rpartition(":")[2]}]
    return []


def _record_embedded(line: dict[str, Any]) -> None:
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = {name: line[name] for name in names}
            for metric in directive["Metrics"]:
                values = line[metric["Name"]]
                for value in values if isinstance(values, list) else [values]:
                    unit = metric.get("Unit", "None")
                    cloudwatch.record_metric(directive["Namespace"], metric["Name"], value, unit, dimensions)


def count_matches() -> None:
    """Count the events that match a rule, whether it has targets or not."""
    matches = eventbridge._matches_pattern_view

    def match_and_count(pattern: str, view: Any, owner: str = "rule") -> bool:
        found = bool(matches(pattern, view, owner))
        if found and owner.startswith(_RULE):
            rule = eventbridge._rules.get(owner.removeprefix(_RULE)) or {}
            if name := rule.get("Name"):
                cloudwatch.record_metric("AWS/Events", "TriggeredRules", 1, "Count", {"RuleName": name})
        return found

    eventbridge._matches_pattern_view = match_and_count
