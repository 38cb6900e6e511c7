"""What the Operations page reads and does, by the functions behind `scones status`, `sweep` and `redrive`."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from scones.backfill.run import Run
from scones.blinding import hidden
from scones.connection import Connection, Target, connect
from scones.console.denials import Refused, allowed
from scones.console.jobs import Job, Report
from scones.console.state import OpenCloud
from scones.endpoint_waits import find_endpoint_wait
from scones.live_threshold import read_threshold
from scones.pace import pace_for
from scones.pause_state import read_pause_of
from scones.promise_watch import read_watch, watch_text
from scones.redrive.command import as_document, prepare
from scones.redrive.images import RedriveState
from scones.result_documents import Outcome
from scones.stack import read_stack
from scones.status import (
    alarms_in_alarm,
    count_executions,
    count_messages,
    oldest_in_state,
    tallies,
)
from scones.sweep import LONGEST_RUN_S, run_sweep
from scones.terminal import comma

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_SHOWN_RUNS: Final = 5
_PROBE_S: Final = 10


@dataclass(frozen=True, slots=True)
class Backfill:
    """A backfill: when it was started, its state, and how many of its objects are done."""

    name: str
    started_at: datetime
    status: str
    done: int | None = None
    total: int | None = None


def read_parts(cloud: OpenCloud) -> Mapping[str, Any]:
    """Read all that the page shows, at once; a part that IAM refuses is a `Refused`."""
    stack, now = cloud.stack, datetime.fromtimestamp(cloud.clock.now(), UTC)
    client = cloud.client
    parts: Mapping[str, Callable[[], Any]] = {
        "outcomes": lambda: tallies(cloud.dynamodb, stack, now),
        "executions": lambda: {"counts": count_executions(cloud.stepfunctions, stack.workflow_arn)},
        "waiting_images": lambda: _waiting(cloud),
        "alarms": lambda: alarms_in_alarm(client(Connection.cloudwatch), stack.name),
        "queue": lambda: count_messages(client(Connection.sqs), stack.failed_images_url),
        "threshold": lambda: read_threshold(client(Connection.ssm), stack),
        "pause": lambda: read_pause_of(cloud.connection, stack),
        "watch": lambda: watch_text(read_watch(cloud.dynamodb, stack.claims_table)),
        "backfills": lambda: _backfills(cloud),
        "sweep": lambda: _probe_sweep(cloud),
    }
    with ThreadPoolExecutor(len(parts)) as pool:
        found = {name: pool.submit(allowed, read) for name, read in parts.items()}
        return {name: part.result() for name, part in found.items()}


def _waiting(cloud: OpenCloud) -> Mapping[str, Any]:
    """Return the oldest image without an outcome, the oldest for a person, and which wait for the endpoint."""
    table = cloud.stack.claims_table
    still_open = oldest_in_state(cloud.dynamodb, table, "open")
    executions = [image.execution for image in still_open if image.execution]
    return {
        "open": next(iter(still_open), None),
        "person": next(iter(oldest_in_state(cloud.dynamodb, table, "person")), None),
        "endpoint": find_endpoint_wait(cloud.stepfunctions, executions),
    }


def _backfills(cloud: OpenCloud) -> list[Backfill]:
    answer = cloud.stepfunctions.list_executions(
        stateMachineArn=cloud.stack.backfill_arn, maxResults=_SHOWN_RUNS
    )
    return [
        _backfill(cloud, one["executionArn"], one["startDate"], one["status"]) for one in answer["executions"]
    ]


def _backfill(cloud: OpenCloud, arn: str, started_at: datetime, status: str) -> Backfill:
    counts = allowed(Run(cloud.stepfunctions, arn).counts)
    name = arn.rsplit(":", 1)[-1]
    if isinstance(counts, Refused):
        return Backfill(name, started_at, status.lower())
    return Backfill(name, started_at, status.lower(), counts.total - counts.left, counts.total)


def _probe_sweep(cloud: OpenCloud) -> None:
    """Ask whether these credentials may invoke the sweep; nothing is invoked."""
    cloud.client(_functions).invoke(FunctionName=cloud.stack.sweep_function, InvocationType="DryRun")


def _functions(connection: Connection) -> "LambdaClient":
    return connection.lambda_(_PROBE_S)


def sweep(target: Target, *, dry_run: bool) -> Report:
    """Run the sweep, as `scones sweep` does."""
    connection = connect(target)  # clients of its own: making one is not safe while other threads do
    stack = read_stack(connection)
    found = run_sweep(connection.lambda_(LONGEST_RUN_S), stack.sweep_function, dry_run=dry_run, minutes=None)
    notes = []
    if found.decisions["started"]:
        notes.append(
            f"recording {comma(found.decisions['started'], 'decision', 'decisions')} of people again"
        )
    if found.decisions["errors"]:
        notes.append(
            f"{comma(found.decisions['errors'], 'decision', 'decisions')} of people could not be recorded: "
            "the log of Sweep has the reason"
        )
    if found.stopped_by == "starts":
        notes.append("as many as one run may start: run it again, or leave the rest to the schedule")
    return Report(found.summary, found.rows, notes)


def redrive(target: Target, job: Job, *, dry_run: bool, limit: int | None) -> Report:
    """Start failed images again, as `scones redrive` does."""
    connection = connect(target)
    action = prepare(connection, read_stack(connection), pace_for(connection))
    action.dry_run, action.limit, action.on_progress = dry_run, limit, job.progress
    action.run()
    document = as_document(action)
    counts = ", ".join(f"{count:,} {what}" for what, count in document["counts"].items())
    waiting = hidden(connection.dynamodb(), action.watch.claims_table, action.images)
    rows = [
        _redriven_row(image, dry_run=dry_run, waits=(image["key"], image["etag"]) in waiting)
        for image in document["images"]
    ]
    notes = [f"{one['what']} cannot be read: {one['reason']}" for one in document["unreadable"]]
    if not action.is_complete:
        notes.append("there may be more: no further ones were looked at")
    return Report(f"{comma(len(rows), 'image', 'images')}: {counts or 'nothing had failed'}", rows, notes)


def _redriven_row(image: Mapping[str, Any], *, dry_run: bool, waits: bool) -> tuple[str, str, str]:
    """Return key, state and reason, without what the model said of an image that waits for a person."""
    if image["outcome"] and waits:
        return image["key"], str(Outcome.REVIEW), "waits for a person"
    would_start = dry_run and image["state"] == RedriveState.FOUND
    state = "would start" if would_start else image["outcome"] or image["state"]
    return image["key"], state, image["reason"] or image["had_failed"] or ""
