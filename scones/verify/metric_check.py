"""The metrics that the functions write into their logs arrived in CloudWatch, in the stack's namespace."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from scones.verify.verification import Verification

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

METRICS: Final = "metrics"
EXPECTED: Final = {"serialize": "ObjectBytes", "classify": "EndpointLatency", "filter": "Confidence"}
"""A metric of each function that one successful image is enough for."""
_ARRIVAL_S, _LOCAL_ARRIVAL_S = 300, 30
_MINUTE: Final = 60


def check_metrics(verification: Verification) -> None:
    """Wait for one metric of each function. CloudWatch takes minutes, and does not say of which image one is."""
    client = verification.connection.cloudwatch()
    namespace = _namespace(verification)
    timeout_s = _LOCAL_ARRIVAL_S if verification.connection.is_local else _ARRIVAL_S
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
