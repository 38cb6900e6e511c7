"""One run of the backfill: how it is asked for, found again, watched and stopped."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

_PAUSE_S = 1.0
_FAILURES = ("failed", "timedOut", "aborted")


@dataclass(frozen=True, slots=True)
class Request:
    """What to classify: the input of statemachine/backfill.asl.json.

    Attributes
    ----------
    manifest
        Bucket and key of an S3 Inventory's manifest.json, which replaces the prefix.
    tolerance
        Percentage of the images that may fail before the run stops.
    """

    bucket: str
    prefix: str
    manifest: dict[str, str] | None
    max_concurrency: int
    tolerance: int

    @property
    def title(self) -> str:
        """The place as a URL."""
        place = self.manifest or {"bucket": self.bucket, "key": self.prefix}
        return f"s3://{place['bucket']}/{place['key']}"

    def as_input(self) -> dict[str, Any]:
        """Return the execution's input."""
        where = {"manifest": self.manifest} if self.manifest else {"prefix": self.prefix}
        limits = {"max_concurrency": self.max_concurrency, "tolerated_failure_percentage": self.tolerance}
        return {"bucket": self.bucket, **where, **limits}

    def is_about(self, given: dict[str, Any]) -> bool:
        """Whether an execution with this input has the same images, at whatever pace."""
        return all(given.get(name) == self.as_input().get(name) for name in ("bucket", "prefix", "manifest"))


@dataclass(frozen=True, slots=True)
class Counts:
    """Objects of a run: all, classified or skipped, failed, and not done yet."""

    total: int = 0
    succeeded: int = 0
    unclassified: int = 0

    @property
    def left(self) -> int:
        """Objects that are not done."""
        return self.total - self.succeeded - self.unclassified


@dataclass(frozen=True, slots=True)
class Run:
    """An execution of the backfill."""

    states: "SFNClient"
    arn: str

    @property
    def name(self) -> str:
        """The execution's name."""
        return self.arn.rsplit(":", 1)[-1]

    def counts(self) -> Counts:
        """Ask the map run; all zero until it has listed its objects."""
        runs = self.states.list_map_runs(executionArn=self.arn)["mapRuns"]
        if not runs:
            return Counts()
        items = self.states.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        failed = sum(int(items.get(kind, 0)) for kind in _FAILURES)  # type: ignore[call-overload]
        return Counts(items["total"], items["succeeded"], failed)

    def wait(self, on_progress: Callable[[Counts], None]) -> tuple[Counts, str]:
        """Watch until it ends; return the last counts and the execution's status."""
        while True:
            status = self.states.describe_execution(executionArn=self.arn)["status"]
            counts = self.counts()
            on_progress(counts)
            if status != "RUNNING":
                return counts, status
            time.sleep(_PAUSE_S)

    def stop(self) -> None:
        """Stop it; images under way keep an open claim until their execution cannot be alive any more."""
        self.states.stop_execution(executionArn=self.arn, error="Stopped", cause="scones backfill --stop")


def find_running(states: "SFNClient", machine: str, request: Request) -> Run | None:
    """Return the run that has the same images and has not ended."""
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
    for page in pages:
        for execution in page["executions"]:
            run = Run(states, execution["executionArn"])
            if request.is_about(json.loads(states.describe_execution(executionArn=run.arn)["input"])):
                return run
    return None


def start(states: "SFNClient", machine: str, request: Request) -> Run:
    """Start a run."""
    name = f"{time.strftime('%Y-%m-%dT%H-%M-%SZ', time.gmtime())}-{uuid.uuid4().hex[:6]}"
    started = states.start_execution(
        stateMachineArn=machine, name=name, input=json.dumps(request.as_input(), ensure_ascii=False)
    )
    return Run(states, started["executionArn"])
