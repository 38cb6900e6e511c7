"""`scones destroy`: show what a stack made, ask, delete all of it, and report what is left."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import click
from rich import box, filesize
from rich.progress import TaskID
from rich.table import Table
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.destroy.deletion import NotDestroyedError
from scones.destroy.inventory import Inventory, Remaining, find_remaining, measure, take_inventory
from scones.destroy.run import Destroy, OnProgress
from scones.errors import INTERRUPTED, SconesError, explain
from scones.pace import pace_for
from scones.terminal import can_ask, comma, err, notice, out, print_json, progress_bars, shown

if TYPE_CHECKING:
    from rich.console import Console

    from scones.destroy.inventory import Bucket

_REFUSED = 1
_KEPT: Final = {"--keep-results": "ResultsBucket", "--keep-images": "ImageBucket"}
"""The bucket that each option keeps, by its name in the template."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Delete nothing, only list what would be.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--keep-results", is_flag=True, help="Leave the bucket of results as it is.")
@click.option("--keep-images", is_flag=True, help="Leave the bucket of images as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def destroy(
    target: Target, *, dry_run: bool, yes: bool, keep_results: bool, keep_images: bool, as_json: bool
) -> None:
    """Delete a stack with everything it made: images, results, claims and logs too.

    It shows what is there and asks for the stack's name first. Executions that run are stopped. Whatever interrupts
    it, running it again continues. With the id of a stack that was deleted otherwise as --stack, it deletes the buckets
    and the table which that left.

    Exit code 0: nothing is left. 1: something could not be deleted, or another name was typed in. 2: usage or
    connection. 130: Ctrl-C.
    """
    if not (dry_run or yes or can_ask()):
        message = (
            "nothing was deleted, as there is no terminal to ask on: "
            "--dry-run lists what would be deleted, --yes deletes it without asking"
        )
        raise SconesError(message)
    given = {"--keep-results": keep_results, "--keep-images": keep_images}
    kept = [option for option in _KEPT if given[option]]
    connection = connect(target)
    inventory = take_inventory(connection)
    with err().status("Counting what is there"):
        contents = measure(connection, inventory)
    keep = frozenset(_KEPT[option] for option in kept)
    action = Destroy(connection, inventory, contents, keep, pace_for(connection))
    if not as_json:
        print_plan(action, out())
    elif not (dry_run or yes):
        print_plan(action, err())
    stopped = None
    if not dry_run:
        if not yes:
            _confirm(inventory)
        stopped = _carry_out(action, visible=not as_json)
    remaining = [] if stopped else find_remaining(connection, inventory, target)
    if as_json:
        print_json(as_document(action, remaining, dry_run=dry_run))
    else:
        print_done(action)
        print_remaining(remaining)
    _finish(stopped, " ".join([f"scones destroy{target.options}", *kept]))
    if connection.is_local and not dry_run:
        notice("The local cloud still runs, without a stack: `scones down` stops it.")


def _confirm(inventory: Inventory) -> None:
    context = click.get_current_context()
    try:
        answer = click.prompt(
            f"This cannot be undone. To delete all of it, type the stack's name, {inventory.stack}",
            default="",
            show_default=False,
            err=True,
        )
    except click.Abort:
        notice("\nnothing was deleted")
        context.exit(INTERRUPTED)
    if answer.strip() != inventory.stack:
        notice("nothing was deleted: that is not the stack's name")
        context.exit(_REFUSED)


def _carry_out(action: Destroy, *, visible: bool) -> BaseException | None:
    """Run it, and return what stopped it, if it is an error that a person can act on."""
    try:
        with _progress(visible=visible) as action.on_progress:
            action.run()
    except (KeyboardInterrupt, SconesError) as error:
        return error
    except Exception as error:
        if explain(error) is None:
            raise
        return error
    return None


def _finish(stopped: BaseException | None, again: str) -> None:
    """Leave with the exit code, and say why when it was cut short."""
    goes_on = f"`{again}` continues from here"
    match stopped:
        case KeyboardInterrupt():
            notice(f"interrupted: {goes_on}")
            click.get_current_context().exit(INTERRUPTED)
        case NotDestroyedError():
            message = f"{stopped.message}. Once that is fixed, {goes_on}"
            raise NotDestroyedError(message) from stopped
        case Exception():
            message = f"{explain(stopped) or stopped}; {goes_on}"
            raise SconesError(message) from stopped


@contextmanager
def _progress(*, visible: bool) -> Iterator[OnProgress]:
    """Show a bar on stderr for the step under way, if a person looks at it."""
    with progress_bars(visible=visible) as progress:
        steps: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in steps:
                for earlier in steps.values():
                    progress.update(earlier, visible=False)
                steps[what] = progress.add_task(shown(what), total=total)
            progress.update(steps[what], completed=done, total=total)

        yield show


def as_document(action: Destroy, remaining: Sequence[Remaining], *, dry_run: bool) -> dict[str, Any]:
    """Return what `scones destroy --json` prints; `contents` is what was there before."""
    contents = action.contents
    return {
        "stack": action.inventory.stack,
        "stack_id": action.inventory.stack_id,
        "dry_run": dry_run,
        "complete": action.is_complete,
        "contents": {
            "buckets": [
                asdict(bucket) | {"kept": bucket.logical_id in action.keep} for bucket in contents.buckets
            ],
            "tables": [asdict(table) for table in contents.tables],
            "messages": contents.messages,
            "running_executions": contents.running,
            "resources": len(action.inventory.resources),
        },
        "done": action.done,
        "kept": action.kept,
        "remaining": [asdict(one) for one in remaining],
    }


def print_plan(action: Destroy, console: "Console") -> None:
    """Print what will be deleted, with how much is in it."""
    contents, inventory = action.contents, action.inventory
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("what", overflow="fold")
    table.add_column("in it", overflow="fold")
    for bucket in contents.buckets:
        stays = "stays as it is: " if bucket.logical_id in action.keep else ""
        table.add_row(Text(f"bucket {shown(bucket.name)}"), Text(stays + _in_bucket(bucket)))
    if inventory.existing_bucket:
        table.add_row(
            Text(f"bucket {shown(inventory.existing_bucket)}"), "yours: stays as it is, with all its objects"
        )
    for one in contents.tables:
        table.add_row(Text(f"table {shown(one.name)}"), Text(f"about {comma(one.items, 'item', 'items')}"))
    if not inventory.is_gone:
        table.add_row("queues", comma(contents.messages, "message", "messages"))
        running = comma(contents.running, "running execution", "running executions")
        table.add_row("workflows", f"{running}, to be stopped")
        resources = comma(len(inventory.resources), "resource", "resources")
        table.add_row(Text(f"stack {inventory.stack}"), f"{resources}, the ones above included")
    console.print(Text(f"stack {inventory.stack} of account {inventory.account}"))
    console.print(table)


def print_done(action: Destroy) -> None:
    """Print what has been deleted, a line for each."""
    for line in action.done:
        out().print(Text(shown(line)), soft_wrap=True)
    for name in action.kept:
        out().print(Text(f"bucket {shown(name)} stays, with everything in it"), soft_wrap=True)


def print_remaining(remaining: Sequence[Remaining]) -> None:
    """Say on stderr what is not the stack's and may still cost money."""
    if remaining:
        notice("Not the stack's, so left alone, but it may cost:")
    for one in remaining:
        notice(f"  {shown(one.what)}\n    {one.how}")


def _in_bucket(bucket: "Bucket") -> str:
    objects, versions = (
        comma(bucket.objects, "object", "objects"),
        comma(bucket.versions, "version", "versions"),
    )
    least = "at least " if bucket.at_least else ""
    return f"{least}{objects}, {versions}, {filesize.decimal(bucket.size_bytes)}"
