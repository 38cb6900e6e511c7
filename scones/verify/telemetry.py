"""The functions' log lines of each execution, and the metrics that they write, arrived in CloudWatch."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from scones.result_documents import Document, Outcome
from scones.verify.verification import Verification

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient

LOGS, TRACE, REPEAT_LOGS = "log lines", "trace id", "log of second start"
FUNCTIONS: Final = ("Serialize", "Classify", "Filter")
_LINES_ARRIVE_S: Final = 90
"""Seconds that CloudWatch may take to show a line."""
type LogLine = Mapping[str, Any]
METRICS: Final = "metrics"
EXPECTED: Final = {"serialize": "ObjectBytes", "classify": "EndpointLatency", "filter": "Confidence"}
"""A metric of each function that one successful image is enough for."""
_METRICS_ARRIVE_S, _LOCAL_ARRIVAL_S = 300, 30
_MINUTE: Final = 60


def check_logs(verification: Verification) -> None:
    """Look for the lines of each execution in the log of each function that it called."""
    groups: dict[str, str] = {}
    with verification.checklist.checking(LOGS, "log groups"):
        groups = _log_groups(verification)
    if not groups:
        return
    client = verification.connection.logs()
    for image, document in verification.documents():
        name = verification.name_of(image)
        with verification.checklist.checking(LOGS, name):
            lines = _wait_for_lines(verification, client, groups, document)
            silent = [function for function, found in lines.items() if not found]
            faults = [f"{function} logged nothing with this execution's id" for function in silent]
            verification.checklist.judge(LOGS, name, faults, f"of {', '.join(lines)}")
            _check_trace(verification, name, [line for found in lines.values() for line in found])
    if FUNCTIONS[0] in groups:
        _check_repeats(verification, client, groups[FUNCTIONS[0]])


def _check_repeats(verification: Verification, client: "CloudWatchLogsClient", group: str) -> None:
    """See that no second execution came as far as Serialize; by now lines of the first ones have arrived."""
    since_ms = int(verification.started.timestamp() * 1000)
    for name, execution in verification.repeats.items():
        with verification.checklist.checking(REPEAT_LOGS, name):
            ran = any(_lines(client, group, execution, since_ms))
            faults = [f"{FUNCTIONS[0]} ran again, for {execution}"] if ran else []
            verification.checklist.judge(REPEAT_LOGS, name, faults, "no function ran again")


def called_functions(document: Document) -> tuple[str, ...]:
    """Return the functions that an execution called, to judge by its outcome."""
    return FUNCTIONS if document.outcome in {Outcome.PASSED, Outcome.REVIEW} else FUNCTIONS[:1]


def _check_trace(verification: Verification, name: str, lines: list[LogLine]) -> None:
    if not lines:
        return
    if verification.connection.is_local:
        verification.checklist.not_checked(TRACE, name, "the local cloud has no X-Ray")
        return
    without = [str(line.get("message")) for line in lines if not line.get("xray_trace_id")]
    faults = [f"lines without xray_trace_id: {', '.join(without)}"] if without else []
    traces = sorted({str(line["xray_trace_id"]) for line in lines if line.get("xray_trace_id")})
    verification.checklist.judge(TRACE, name, faults, ", ".join(traces))


def _log_groups(verification: Verification) -> dict[str, str]:
    cloudformation, stack = verification.connection.cloudformation(), verification.connection.stack
    found: dict[str, str] = {}
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for resource in page["StackResourceSummaries"]:
            function = resource["LogicalResourceId"].removesuffix("Logs")
            if resource["ResourceType"] == "AWS::Logs::LogGroup" and function in FUNCTIONS:
                found[function] = resource.get("PhysicalResourceId", "")
    return found


def _wait_for_lines(
    verification: Verification, client: "CloudWatchLogsClient", groups: Mapping[str, str], document: Document
) -> dict[str, list[LogLine]]:
    """Return the lines of an execution by function; of some there may be none when the time is over."""
    execution, since_ms = str(document.content.get("execution")), int(verification.started.timestamp() * 1000)
    lines: dict[str, list[LogLine]] = {function: [] for function in called_functions(document)}

    def look() -> bool | None:
        for function, found in lines.items():
            if not found and function in groups:
                found.extend(_lines(client, groups[function], execution, since_ms))
        return all(lines.values()) or None

    verification.poll(_LINES_ARRIVE_S, look)
    return lines


def _lines(client: "CloudWatchLogsClient", group: str, execution: str, since_ms: int) -> Iterator[LogLine]:
    """Yield the lines of a function's logger; those that carry metrics, and Lambda's own, are not among them."""
    pages = client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=since_ms, filterPattern=f'"{execution}"'
    )
    for page in pages:
        for event in page["events"]:
            try:
                line = json.loads(event.get("message", ""))
            except ValueError:
                continue
            if isinstance(line, dict) and "_aws" not in line and line.get("correlation_id") == execution:
                yield line


def check_metrics(verification: Verification) -> None:
    """Wait for one metric of each function. CloudWatch takes minutes, and does not say of which image one is."""
    client = verification.connection.cloudwatch()
    namespace = _namespace(verification)
    timeout_s = _LOCAL_ARRIVAL_S if verification.connection.is_local else _METRICS_ARRIVE_S
    deadline = verification.pace.clock() + timeout_s
    for service, metric in EXPECTED.items():
        with verification.checklist.checking(METRICS, service):
            left_s = max(0.0, deadline - verification.pace.clock())
            count = verification.poll(left_s, partial(_count, verification, client, service, metric))
            detail = f"{metric} in {namespace}: {count} values since the start"
            faults = [] if count else [f"no {metric} in {namespace} within {timeout_s} s"]
            verification.checklist.judge(METRICS, service, faults, detail)


def skip_metrics(verification: Verification, reason: str) -> None:
    """Note that metrics were left out."""
    verification.checklist.not_checked(METRICS, "", reason)


def _count(verification: Verification, client: "CloudWatchClient", service: str, metric: str) -> int | None:
    start = verification.started.replace(second=0, microsecond=0)  # CloudWatch keeps minutes
    answer = client.get_metric_statistics(
        Namespace=_namespace(verification),
        MetricName=metric,
        Dimensions=[{"Name": "service", "Value": service}],
        StartTime=start,
        EndTime=datetime.now(UTC) + timedelta(minutes=1),
        Period=_MINUTE,
        Statistics=["SampleCount"],
    )
    return int(sum(point["SampleCount"] for point in answer["Datapoints"])) or None


def _namespace(verification: Verification) -> str:
    """Return the namespace that the template gives the functions; a stack may also be named by its ARN."""
    name = verification.stack.name
    return f"Scones/{name.split('/')[1] if name.startswith('arn:') else name}"
