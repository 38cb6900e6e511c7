"""`scones redrive`: start failed images again, watch them, and report the outcome of each."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.text import Text

from scones.connection import Connection, Target, cloud_options, connect, is_gone
from scones.errors import INTERRUPTED, SconesError, explain
from scones.pace import Pace, pace_for
from scones.redrive.executions import Watch
from scones.redrive.images import FailedImages, Redriven, RedriveState
from scones.redrive.queue import FailedQueue
from scones.redrive.run import Redrive
from scones.stack import Stack, read_stack
from scones.terminal import (
    Column,
    comma,
    notice,
    out,
    outcome_text,
    print_json,
    print_rows,
    progress_bars,
    shown,
)

_FAILED = 1
GONE_WITH_IT = "executions and messages are gone with the local cloud, unless it was started with --persist"


@click.command()
@click.option("--dry-run", is_flag=True, help="Start nothing, only list what would be.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Start N images at most.")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the outcome of each image.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def redrive(target: Target, *, dry_run: bool, limit: int | None, timeout_s: float, as_json: bool) -> None:
    """Start failed images again and report the outcome of each.

    They are those in the queue of failed images, whose executions died or never began, and those with a document
    under failed/. A message is deleted only once its image has an outcome.

    Exit code 0: all ended in passed, review or rejected. 1: some failed again or have not ended, or a message cannot
    be read. 2: usage or connection. 130: Ctrl-C.
    """
    connection = connect(target)
    action = prepare(connection, read_stack(connection), pace_for(connection))
    action.dry_run, action.limit, action.timeout_s = dry_run, limit, timeout_s
    stopped: BaseException | None = None
    try:
        with progress_of(visible=not as_json and not dry_run) as action.on_progress:
            action.run()
    except KeyboardInterrupt as error:
        stopped = error
    except Exception as error:
        if explain(error) is None or not action.images:
            raise
        stopped = error
    if as_json:
        print_json(as_document(action))
    else:
        print_redrive(action)
        print_rest(action, target)
    finish(action, stopped, target)


def prepare(connection: Connection, stack: Stack, pace: Pace) -> Redrive:
    """Put a redrive together for a stack; nothing is sent yet."""
    s3, stepfunctions = connection.s3(), connection.stepfunctions()
    queue = FailedQueue(connection.sqs(), stack.failed_images_url, pace.clock)
    return Redrive(
        sources=FailedImages(queue, stepfunctions, s3, stack.results_bucket),
        watch=Watch(connection.dynamodb(), stack.claims_table, stepfunctions, s3, stack.results_bucket),
        workflow_arn=stack.workflow_alias_arn,
        pace=pace,
    )


def finish(action: Redrive, stopped: BaseException | None, target: Target) -> None:
    """Leave with the exit code, and say why when it was cut short."""
    context = click.get_current_context()
    match stopped:
        case KeyboardInterrupt():
            running = comma(len(action.waiting()), "execution continues", "executions continue")
            fate = f"{running}; messages of images without an outcome are in the queue again"
            notice(f"interrupted: {GONE_WITH_IT if is_gone(target) else fate}")
            context.exit(INTERRUPTED)
        case Exception():
            fate = GONE_WITH_IT if is_gone(target) else "executions already started continue"
            message = f"{explain(stopped)}; {fate}"
            raise SconesError(message) from stopped
    if not action.dry_run and not action.is_fine:
        context.exit(_FAILED)


@contextmanager
def progress_of(*, visible: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while a redrive runs, if a person looks at it; its total grows as images are found."""
    with progress_bars(visible=visible) as progress:
        ended = progress.add_task("ended", total=None)

        def show(found: int, done: int) -> None:
            progress.update(ended, total=found, completed=done)

        yield show


def as_document(action: Redrive) -> dict[str, Any]:
    """Return what `scones redrive --json` prints."""
    return {
        "dry_run": action.dry_run,
        "images": [_row(entry) for entry in action.images.values()],
        "counts": _counts(action),
        "unreadable": [{"what": what, "reason": reason} for what, reason in action.sources.unreadable],
        "complete": action.is_complete,
    }


def print_redrive(action: Redrive) -> None:
    """Print a row for each image and a line of counts to stdout."""
    if action.images:
        rows = [
            (
                Text(shown(entry.image.key)),
                Text(shown(entry.had_failed)),
                outcome_text(entry.outcome),
                Text(shown(_reason(entry, dry_run=action.dry_run))),
            )
            for entry in action.images.values()
        ]
        columns = (
            Column("had failed", is_prose=True, stacked="had failed: {};"),
            Column("outcome"),
            Column("reason", is_prose=True),
        )
        print_rows(Column("image"), columns, rows)
    counts = ", ".join(f"{count:,} {what}" for what, count in _counts(action).items())
    out().print(Text(f"{comma(len(action.images), 'image', 'images')}: {counts or 'nothing had failed'}"))


def print_rest(action: Redrive, target: Target) -> None:
    """Say on stderr what is left: messages that cannot be read, images not examined, where to look next."""
    for what, reason in action.sources.unreadable:
        notice(f"{what} stays where it is, it cannot be read: {shown(reason)}")
    overdue = sum(entry.state is RedriveState.NOT_ENDED for entry in action.images.values())
    if overdue:
        images = comma(overdue, "image", "images")
        notice(f"{images} not ended within {action.timeout_s:g} s; see `scones status{target.options}`")
    if not action.is_complete:
        notice("there may be more: no further ones were looked at")


def _counts(action: Redrive) -> dict[str, int]:
    found: Counter[str] = Counter()
    for entry in action.images.values():
        if entry.state is RedriveState.ENDED:
            found[str(entry.outcome)] += 1
        elif entry.state is RedriveState.FOUND:
            found["would start" if action.dry_run else str(RedriveState.NOT_STARTED)] += 1
        else:
            found[str(entry.state)] += 1
    return dict(found)


def _reason(entry: Redriven, *, dry_run: bool) -> str:
    match entry.state:
        case RedriveState.ALREADY:
            return "had its outcome already"
        case RedriveState.FOUND:
            return "would be started" if dry_run else "not started"
        case RedriveState.ENDED:
            return entry.reason or ""
        case _:
            return entry.reason or str(entry.state)


def _row(entry: Redriven) -> dict[str, Any]:
    return {
        "key": entry.image.key,
        "etag": entry.image.etag,
        "version_id": entry.image.version_id,
        "had_failed": entry.had_failed,
        "state": str(entry.state),
        "outcome": str(entry.outcome) if entry.outcome else None,
        "reason": entry.reason,
        "result": entry.result_key,
        "execution": entry.execution,
    }
