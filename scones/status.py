"""`scones status`: how many images ended how and when, what waits and since when, which alarms are in ALARM."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from scones.blinding import as_shown
from scones.claims import read_claims
from scones.connection import Target, cloud_options, connect
from scones.endpoint_waits import LOOKED_AT, EndpointWait, find_endpoint_wait
from scones.errors import error_code
from scones.index import Ended, InState, ended, in_state, time_text
from scones.live_precision import Precision, read_precision
from scones.live_threshold import LiveThreshold, ends_soon, read_threshold
from scones.pause_state import Pause, read_pause_of
from scones.promise_watch import PromiseWatch, read_watch, watch_text
from scones.result_documents import Outcome, is_verification_image
from scones.stack import Stack, read_stack
from scones.sweep_findings import count_unlisted
from scones.terminal import comma, notice, out, outcome_text, print_json, shown

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

    from scones.connection import Connection

MAX_RESULTS = 10_000
"""Results counted of one outcome, the newest first: some 500 read units."""
MAX_WAITING: Final = 100_000
"""Images that wait for a person, up to which they are told from others: some 4,000 read units. Where more wait, what
passed or was reviewed is not counted."""
MAX_EXECUTIONS = 1000
"""Executions counted of one state: one page."""
PERIODS: Final = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_AUDITED: Final = (Outcome.PASSED, Outcome.REVIEWED)
"""The outcomes of which an image may wait for a person, as an audit or for a second look."""
_RENEW: Final = "`scones certify --apply`"
_PAUSE_S: Final = 5.0
_STATES: Final[tuple["ExecutionStatusType", ...]] = ("RUNNING", "FAILED", "TIMED_OUT", "ABORTED")


@dataclass(frozen=True, slots=True)
class Count:
    """A count that may have been stopped at a limit."""

    number: int
    at_least: bool = False

    def __str__(self) -> str:
        """Return `12`, or `1,000+` where counting stopped."""
        return f"{self.number:,}{'+' if self.at_least else ''}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An image that waits, and since when."""

    key: str
    since: datetime
    execution: str | None = None

    def __str__(self) -> str:
        """Return `3 min: incoming/a.jpg`."""
        minutes = max(0, int((datetime.now(UTC) - self.since).total_seconds() // 60))
        age = f"{minutes} min" if minutes < 120 else f"{minutes // 60:,} h"  # noqa: PLR2004  two hours
        return f"{age}: {shown(self.key)}"

    def as_document(self) -> dict[str, str]:
        """Return what `scones status --json` says of it."""
        return {"key": self.key, "since": self.since.isoformat()}


@dataclass(frozen=True, slots=True)
class Tally:
    """The results of one outcome: all, those of each of `PERIODS`, and by label."""

    all: Count
    recent: dict[str, Count]
    by_label: dict[str, int]


@dataclass(frozen=True, slots=True)
class Status:
    """A moment of a stack; `executions` is None where Step Functions does not list them (EXPRESS)."""

    stack: Stack
    outcomes: dict[Outcome, Tally]
    labels: dict[str, int]
    executions: dict[str, Count] | None
    queue_visible: int
    queue_in_flight: int
    threshold: LiveThreshold
    oldest: Waiting | None
    oldest_for_person: Waiting | None
    endpoint_wait: EndpointWait | None
    alarms: list[str]
    precision: Precision | None
    watch: PromiseWatch | None
    unlisted: int
    pause: Pause | None
    certificate_end: str | None

    def as_document(self) -> dict[str, Any]:
        """Return what `scones status --json` prints; `at_least` names the counts that stopped at a limit."""
        executions = self.executions or {}
        limited = [f"outcomes.{name}" for name, tally in self.outcomes.items() if tally.all.at_least]
        limited += [f"executions.{name}" for name, count in executions.items() if count.at_least]
        return {
            "stack": self.stack.name,
            "outcomes": {str(name): tally.all.number for name, tally in self.outcomes.items()},
            "recent": {
                period: {str(name): tally.recent[period].number for name, tally in self.outcomes.items()}
                for period in PERIODS
            },
            "labels": self.labels,
            "executions": {name: count.number for name, count in executions.items()}
            if self.executions is not None
            else None,
            "at_least": limited,
            "failed_images_queue": {"visible": self.queue_visible, "in_flight": self.queue_in_flight},
            "oldest_without_outcome": self.oldest.as_document() if self.oldest else None,
            "oldest_waiting_for_a_person": self.oldest_for_person.as_document()
            if self.oldest_for_person
            else None,
            "waiting_for_endpoint": {
                "images": len(self.endpoint_wait.executions),
                "looked_at": self.endpoint_wait.looked_at,
                "error": self.endpoint_wait.error.message or self.endpoint_wait.error.name,
            }
            if self.endpoint_wait
            else None,
            "alarms": self.alarms,
            "audited_precision": self.precision.as_document() if self.precision else None,
            "watch": self.watch.as_document() if self.watch else None,
            "not_in_the_index": self.unlisted,
            "pause": self.pause.as_document() if self.pause else None,
            "endpoint": self.stack.endpoint_name,
            "certificate_end": self.certificate_end,
            "threshold": self.threshold.counts.for_all,
            "thresholds": self.threshold.counts.by_label,
            "deployed_threshold": self.threshold.deployed.for_all,
            "deployed_thresholds": self.threshold.deployed.by_label,
        }


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@click.option("--watch", is_flag=True, help="Show it again every five seconds, until Ctrl-C.")
@cloud_options
def status(target: Target, *, as_json: bool, watch: bool) -> None:
    """Show outcomes, what waits, which alarms are in ALARM."""
    if as_json and watch:
        message = "--json and --watch exclude each other"
        raise click.UsageError(message)
    connection = connect(target)
    stack = read_stack(connection)
    now = read_status(stack, connection)
    if as_json:
        print_json(now.as_document())
        return
    print_status(now)
    while watch:
        pause(_PAUSE_S)
        now = read_status(stack, connection)
        click.clear()
        print_status(now)


def pause(seconds: float) -> None:
    """Wait between two looks."""
    time.sleep(seconds)


def read_status(stack: Stack, connection: "Connection") -> Status:
    """Ask DynamoDB, Step Functions, SQS, SSM and CloudWatch, all at once."""
    dynamodb, sqs, now = connection.dynamodb(), connection.sqs(), datetime.now(UTC)
    with ThreadPoolExecutor(11) as pool:
        outcomes = pool.submit(tallies, dynamodb, stack, now)
        executions = pool.submit(count_executions, connection.stepfunctions(), stack.workflow_arn)
        threshold = pool.submit(read_threshold, connection.ssm(), stack)
        oldest = pool.submit(oldest_in_state, dynamodb, stack.claims_table, "open")
        for_person = pool.submit(oldest_in_state, dynamodb, stack.claims_table, "person")
        endpoint_wait = pool.submit(lambda: _endpoint_wait(connection, oldest.result()))
        precision = pool.submit(read_precision, dynamodb, stack, now)
        alarms = pool.submit(alarms_in_alarm, connection.cloudwatch(), stack.name)
        queue = pool.submit(count_messages, sqs, stack.failed_images_url)
        watch = pool.submit(read_watch, dynamodb, stack.claims_table)
        pause = pool.submit(read_pause_of, connection, stack)
        unlisted = pool.submit(count_unlisted, dynamodb, stack.claims_table)
        found = outcomes.result()
        visible, in_flight = queue.result()
        live = threshold.result()
        return Status(
            stack=stack,
            outcomes=found,
            labels={**dict.fromkeys(stack.labels, 0), **found[Outcome.PASSED].by_label},
            executions=executions.result(),
            queue_visible=visible,
            queue_in_flight=in_flight,
            threshold=live,
            certificate_end=ends_soon(live.certificate, now),
            oldest=next(iter(oldest.result()), None),
            oldest_for_person=next(iter(for_person.result()), None),
            endpoint_wait=endpoint_wait.result(),
            alarms=alarms.result(),
            precision=precision.result(),
            watch=watch.result(),
            unlisted=unlisted.result(),
            pause=pause.result(),
        )


def count_messages(sqs: "SQSClient", url: str) -> tuple[int, int]:
    """Return about how many messages a queue has: visible ones, and those in flight."""
    attributes = sqs.get_queue_attributes(
        QueueUrl=url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    visible = attributes.get("ApproximateNumberOfMessages", 0)
    return int(visible), int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0))


def oldest_in_state(dynamodb: "DynamoDBClient", table: str, state: str) -> list[Waiting]:
    """Return the images that have been in a state for longest, the oldest first."""
    with closing(iter(in_state(dynamodb, table, state, wanted=LOOKED_AT))) as images:
        return [
            Waiting(one.image_key, datetime.fromisoformat(one.since), one.execution)
            for one in islice(images, LOOKED_AT)
        ]


def _endpoint_wait(connection: "Connection", oldest: Sequence[Waiting]) -> EndpointWait | None:
    return find_endpoint_wait(
        connection.stepfunctions(), [image.execution for image in oldest if image.execution]
    )


def alarms_in_alarm(cloudwatch: "CloudWatchClient", stack: str) -> list[str]:
    """Name the alarms of a stack that are in ALARM; CloudFormation names them after the nested stack they are in."""
    alarms = (
        alarm
        for part in ("Monitoring", "RulesFail")
        for page in cloudwatch.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=f"{stack}-{part}-", StateValue="ALARM"
        )
        for alarm in page["MetricAlarms"]
    )
    return [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"]


def count_executions(stepfunctions: "SFNClient", workflow_arn: str) -> dict[str, Count] | None:
    """Count the executions that run or did not succeed, up to `MAX_EXECUTIONS` of each state.

    Returns
    -------
    dict or None
        By state in lower case; None for an EXPRESS workflow, whose executions are only in its log.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    pages = stepfunctions.get_paginator("list_executions")
    counts = {}
    try:
        for state in _STATES:
            found = (
                execution
                for page in pages.paginate(stateMachineArn=workflow_arn, statusFilter=state)
                for execution in page["executions"]
            )
            counts[state.lower()] = _count(found, MAX_EXECUTIONS)
    except ClientError as error:
        if error_code(error) != "StateMachineTypeNotSupported":
            raise
        return None
    return counts


def print_status(now: Status) -> None:
    """Print the status for a person."""
    console = out()
    if now.pause and (now.pause.paused or now.pause.held or now.pause.problem):
        console.print(Text(f"Pause: {now.pause}", "bold red" if now.pause.paused else ""))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("outcome")
    for column in ("images", *(f"last {period}" for period in PERIODS)):
        table.add_column(column, justify="right")
    for outcome, tally in now.outcomes.items():
        table.add_row(outcome_text(outcome), str(tally.all), *map(str, tally.recent.values()))
        if outcome is Outcome.PASSED:
            for label, number in now.labels.items():
                table.add_row(Text(f"  {shown(label)}"), f"{number:,}")
    console.print(table)
    console.print()
    if now.executions is None:
        running, died = "not listed for EXPRESS", "not listed for EXPRESS"
    else:
        counts = dict(now.executions)
        running = str(counts.pop("running"))
        died = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.items())
    in_queue = f"{now.queue_visible:,} visible, {now.queue_in_flight:,} in flight"
    for name, value in (
        ("executions running", running),
        ("executions that died", f"{died} (for `scones sweep`)"),
        ("queue of failed images", f"{in_queue} (for `scones redrive`)"),
        ("oldest without outcome", str(now.oldest or "none")),
        ("oldest for a person", str(now.oldest_for_person or "none")),
        ("waiting for the endpoint", endpoint_text(now.endpoint_wait)),
        ("alarms", Text("; ".join(now.alarms), "bold red") if now.alarms else "none"),
        ("audits", str(now.precision or "none")),
        ("watch", watch_text(now.watch)),
        *(
            [("certificate", Text(f"{now.certificate_end}. Do: {_RENEW}", "bold red"))]
            if now.certificate_end
            else []
        ),
        ("endpoint", f"{now.stack.endpoint_name}, threshold {now.threshold}"),
    ):
        console.print(Text.assemble(f"{name:<26}", value))
    if now.unlisted:
        notice(
            f"{comma(now.unlisted, 'image', 'images')} with an outcome, closed by a release before the index: "
            "`scones reindex` lists them"
        )


def endpoint_text(wait: EndpointWait | None) -> str:
    """Say how many of the oldest images wait for the endpoint, and why."""
    if wait is None:
        return "none"
    said = shown(wait.error.message or wait.error.name)
    return f"{len(wait.executions)} of the {comma(wait.looked_at, 'oldest image', 'oldest images')}, retried: {said}"


def tallies(dynamodb: "DynamoDBClient", stack: Stack, now: datetime) -> dict[Outcome, Tally]:
    """
    Count the images of each outcome, up to a limit, the newest first.

    Each image is counted once. What waits for a person is to review, whatever its outcome (`scones.blinding`), and
    counts since when it waits. So is what was decided and is not recorded yet, and what `as_shown` hides.
    """
    queue = _in_queue(dynamodb, stack, "person")
    names = frozenset(map(_name, queue))
    starts = {period: time_text(now - length) for period, length in PERIODS.items()}

    def of(outcome: Outcome) -> tuple[Tally, list[Ended]]:
        if len(queue) > MAX_WAITING and outcome in _AUDITED:
            return Tally(Count(0, at_least=True), dict.fromkeys(PERIODS, Count(0, at_least=True)), {}), []
        reading = ended(dynamodb, stack.claims_table, [outcome], fields=("label",))
        with closing(iter(reading)) as images:
            found = (one for one in images if not is_verification_image(one.image_key))
            shown_as = as_shown(dynamodb, stack.claims_table, found, names) if outcome in _AUDITED else found
            hidden: list[Ended] = []
            counted = _without_hidden(shown_as, hidden) if outcome in _AUDITED else shown_as
            return _tally(((one.label or "", one.finished_at) for one in counted), starts), hidden

    others = [outcome for outcome in Outcome if outcome is not Outcome.REVIEW]
    with ThreadPoolExecutor(len(Outcome)) as pool:
        unrecorded = pool.submit(_unrecorded, dynamodb, stack)
        found = dict(zip(others, pool.map(of, others), strict=True))
        since = unrecorded.result() | {
            _name(one): one.finished_at for _, hidden in found.values() for one in hidden
        }
    since |= {_name(one): one.since for one in queue}
    times = sorted(since.values(), reverse=True)
    review = _tally((("", at) for at in times), starts)
    return {outcome: review if outcome is Outcome.REVIEW else found[outcome][0] for outcome in Outcome}


def _without_hidden(images: Iterable[Ended], hidden: list[Ended]) -> Iterator[Ended]:
    """Yield the images whose outcome may be told, and collect the others."""
    for one in images:
        if one.outcome is Outcome.REVIEW:
            hidden.append(one)
        else:
            yield one


def _name(image: InState | Ended) -> tuple[str, str]:
    return image.image_key, image.etag


def _unrecorded(dynamodb: "DynamoDBClient", stack: Stack) -> dict[tuple[str, str], str]:
    """Return since when the images were decided whose outcome is still `review`."""
    decided = {_name(one): one.since for one in _in_queue(dynamodb, stack, "record")}
    claims = read_claims(dynamodb, stack.claims_table, decided)
    return {name: decided[name] for name, claim in claims.items() if claim.outcome is Outcome.REVIEW}


def _in_queue(dynamodb: "DynamoDBClient", stack: Stack, state: str) -> list[InState]:
    reading = in_state(dynamodb, stack.claims_table, state, newest_first=True)
    with closing(iter(reading)) as images:
        counted = (one for one in images if not is_verification_image(one.image_key))
        return list(islice(counted, MAX_WAITING + 1))


def _tally(images: Iterator[tuple[str, str]], starts: Mapping[str, str]) -> Tally:
    """Count labels with their times, the newest first."""
    by_label: Counter[str] = Counter()
    recent, number = dict.fromkeys(PERIODS, 0), 0
    for label, at in islice(images, MAX_RESULTS):
        number += 1
        by_label[label] += 1
        for period, start in starts.items():
            recent[period] += at > start
    more = next(images, None)
    oldest = more[1] if more else None
    return Tally(
        Count(number, more is not None),
        {
            period: Count(recent[period], oldest is not None and oldest > start)
            for period, start in starts.items()
        },
        dict(sorted(by_label.items())),
    )


def _count(items: Iterable[object], limit: int) -> Count:
    iterator = iter(items)
    number = sum(1 for _ in islice(iterator, limit))
    return Count(number, number == limit and next(iterator, None) is not None)
