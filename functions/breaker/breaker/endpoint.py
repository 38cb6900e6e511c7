"""What is known of the endpoint: Classify's metric of its calls, and the execution of a probe."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from breaker.circuit import WINDOW, Minute, ProbeResult

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_stepfunctions import SFNClient

METRIC, SERVICE = "EndpointErrors", "classify"
"""0 or 1 for each call. AWS/SageMaker does not count a call that no endpoint received: one that is deleted or cannot be
reached looks like one that nobody asks."""
RESULTS: Mapping[str, ProbeResult] = {
    "passed": ProbeResult.ANSWERED,
    "review": ProbeResult.ANSWERED,
    "failed": ProbeResult.FAILED,
    "parked": ProbeResult.FAILED,
}
"""By the outcome in the output of the probe; a file that is rejected, or was claimed before, tells nothing."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The endpoint as others see it; the breaker itself never calls it."""

    cloudwatch: "CloudWatchClient"
    stepfunctions: "SFNClient"
    namespace: str

    def calls(self, now: datetime) -> list[Minute]:
        """Return the minutes of the window that have data, in any order."""
        # Both ends are rounded down to the minute: the one that has just begun is included.
        found = self.cloudwatch.get_metric_statistics(
            Namespace=self.namespace,
            MetricName=METRIC,
            Dimensions=[{"Name": "service", "Value": SERVICE}],
            StartTime=now - WINDOW,
            EndTime=now,
            Period=60,
            Statistics=["SampleCount", "Sum"],
        )
        return [
            Minute(point["Timestamp"], round(point["SampleCount"]), round(point["Sum"]))
            for point in found["Datapoints"]
        ]

    def seen_by(self, probe: str) -> ProbeResult:
        """Return what an execution has shown."""
        try:
            execution = self.stepfunctions.describe_execution(executionArn=probe)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ExecutionDoesNotExist":
                raise
            return ProbeResult.UNTOLD
        match execution["status"]:
            case "RUNNING" | "PENDING_REDRIVE":
                return ProbeResult.RUNNING
            case "SUCCEEDED":
                return RESULTS.get(_outcome(execution.get("output")), ProbeResult.UNTOLD)
            case _:
                return ProbeResult.FAILED


def _outcome(output: str | None) -> str:
    value = json.loads(output or "{}")
    return str(value.get("outcome")) if isinstance(value, dict) else ""
