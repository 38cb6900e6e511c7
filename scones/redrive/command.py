"""`scones redrive`: start failed images again, watch them, and say what became of each."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from scones.connection import Connection, Target, cloud_options, connect
from scones.console import comma, err, notice, print_json
from scones.errors import INTERRUPTED, SconesError, explain
from scones.pace import Pace, pace_for
from scones.redrive.queue import FailedQueue
from scones.redrive.report import as_document, print_redrive, print_rest
from scones.redrive.run import Redrive
from scones.redrive.sources import Sources
from scones.redrive.watch import Watch
from scones.stack import Stack, read_stack

_FAILED = 1


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
    """Start the images again that failed, and say what became of each.

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
    finish(action, stopped)


def prepare(connection: Connection, stack: Stack, pace: Pace) -> Redrive:
    """Put a redrive together for a stack; nothing is sent yet."""
    s3, stepfunctions = connection.s3(), connection.stepfunctions()
    queue = FailedQueue(connection.sqs(), stack.failed_images_url, pace.clock)
    return Redrive(
        sources=Sources(queue, stepfunctions, s3, stack.results_bucket),
        watch=Watch(connection.dynamodb(), stack.claims_table, stepfunctions, s3, stack.results_bucket),
        workflow_arn=stack.workflow_alias_arn,
        pace=pace,
    )


def finish(action: Redrive, stopped: BaseException | None) -> None:
    """Leave with the exit code, and say why when it was cut short."""
    context = click.get_current_context()
    match stopped:
        case KeyboardInterrupt():
            running = comma(len(action.waiting()), "execution goes", "executions go")
            notice(f"interrupted: {running} on; messages of images without an outcome are in the queue again")
            context.exit(INTERRUPTED)
        case Exception():
            message = f"{explain(stopped)}; executions already started go on"
            raise SconesError(message) from stopped
    if not action.dry_run and not action.is_fine:
        context.exit(_FAILED)


@contextmanager
def progress_of(*, visible: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on stderr while a redrive runs, if a person looks at it; its total grows as images are found."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not (visible and console.is_terminal)
    ) as progress:
        ended = progress.add_task("ended", total=None)

        def show(found: int, done: int) -> None:
            progress.update(ended, total=found, completed=done)

        yield show
