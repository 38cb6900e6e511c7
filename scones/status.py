"""`scones status`: how many images ended how, what is still on its way, and what was lost before it began."""

from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from scones.cloud import Target, cloud_options, connect
from scones.console import out, outcome_text, print_json, shown
from scones.documents import Outcome, list_results
from scones.errors import error_code
from scones.stack import Stack, read_stack
from scones.threshold import Threshold, read_threshold
from scones.verification_folder import is_verification_result

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

MAX_RESULTS = 100_000
"""Results counted of one outcome: 100 listings."""
MAX_EXECUTIONS = 1000
"""Executions counted of one state: one page."""
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
class Status:
    """A moment of a stack; `executions` is None where Step Functions does not list them (EXPRESS)."""

    stack: Stack
    outcomes: dict[Outcome, Count]
    labels: dict[str, int]
    executions: dict[str, Count] | None
    queue_visible: int
    queue_in_flight: int
    threshold: Threshold

    def as_document(self) -> dict[str, Any]:
        """Return what `scones status --json` prints; `at_least` names the counts that stopped at a limit."""
        executions = self.executions or {}
        limited = [f"outcomes.{name}" for name, count in self.outcomes.items() if count.at_least]
        limited += [f"executions.{name}" for name, count in executions.items() if count.at_least]
        return {
            "stack": self.stack.name,
            "outcomes": {str(name): count.number for name, count in self.outcomes.items()},
            "labels": self.labels,
            "executions": {name: count.number for name, count in executions.items()}
            if self.executions is not None
            else None,
            "at_least": limited,
            "failed_images_queue": {"visible": self.queue_visible, "in_flight": self.queue_in_flight},
            "endpoint": self.stack.endpoint_name,
            "threshold": self.threshold.counts,
            "deployed_threshold": self.threshold.deployed,
        }


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def status(target: Target, *, as_json: bool) -> None:
    """Show outcomes, executions and the queue of failed images."""
    connection = connect(target)
    stack = read_stack(connection)
    now = read_status(stack, connection.s3(), connection.stepfunctions(), connection.sqs(), connection.ssm())
    if as_json:
        print_json(now.as_document())
    else:
        print_status(now)


def read_status(
    stack: Stack, s3: "S3Client", stepfunctions: "SFNClient", sqs: "SQSClient", ssm: "SSMClient"
) -> Status:
    """Ask S3, Step Functions, SQS and SSM, all at once."""
    with ThreadPoolExecutor(len(Outcome) + 3) as pool:
        counting = {outcome: pool.submit(_count_results, s3, stack, outcome) for outcome in Outcome}
        executions = pool.submit(count_executions, stepfunctions, stack.workflow_arn)
        threshold = pool.submit(read_threshold, ssm, stack)
        queue = pool.submit(
            sqs.get_queue_attributes,
            QueueUrl=stack.failed_images_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        found = {outcome: future.result() for outcome, future in counting.items()}
        attributes = queue.result()["Attributes"]
        return Status(
            stack=stack,
            outcomes={outcome: count for outcome, (count, _) in found.items()},
            labels={**dict.fromkeys(stack.labels, 0), **found[Outcome.PASSED][1]},
            executions=executions.result(),
            queue_visible=int(attributes.get("ApproximateNumberOfMessages", 0)),
            queue_in_flight=int(attributes.get("ApproximateNumberOfMessagesNotVisible", 0)),
            threshold=threshold.result(),
        )


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
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("outcome")
    table.add_column("images", justify="right")
    for outcome, count in now.outcomes.items():
        table.add_row(outcome_text(outcome), str(count))
        if outcome is Outcome.PASSED:
            for label, number in now.labels.items():
                table.add_row(Text(f"  {shown(label)}"), f"{number:,}")
    console.print(table)
    if now.executions is None:
        executions = "not listed for EXPRESS"
    else:
        executions = ", ".join(
            f"{count} {state.replace('_', ' ')}" for state, count in now.executions.items()
        )
    console.print(Text(f"executions         {executions}"))
    console.print(
        Text(f"failed images      {now.queue_visible:,} visible, {now.queue_in_flight:,} in flight")
    )
    console.print(Text(f"endpoint           {now.stack.endpoint_name}, threshold {now.threshold}"))


def _count_results(s3: "S3Client", stack: Stack, outcome: Outcome) -> tuple[Count, dict[str, int]]:
    first_parts: Counter[str] = Counter()
    listing = (
        item
        for item in list_results(s3, stack.results_bucket, f"{outcome}/")
        if not is_verification_result(item.key)
    )
    for item in islice(listing, MAX_RESULTS):
        first_parts[item.key.split("/")[1]] += 1
    more = next(listing, None) is not None
    return Count(first_parts.total(), more), dict(sorted(first_parts.items()))


def _count(items: Iterable[object], limit: int) -> Count:
    iterator = iter(items)
    number = sum(1 for _ in islice(iterator, limit))
    return Count(number, number == limit and next(iterator, None) is not None)
