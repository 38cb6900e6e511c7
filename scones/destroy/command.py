"""`scones destroy`: show what a stack made, ask, and delete all of it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from scones.connection import Target, cloud_options, connect
from scones.console import err, notice, out, print_json, shown
from scones.destroy.contents import measure
from scones.destroy.errors import NotDestroyedError
from scones.destroy.inventory import Inventory, take_inventory
from scones.destroy.remains import find_remaining
from scones.destroy.report import as_document, print_done, print_plan, print_remaining
from scones.destroy.run import Destroy, OnProgress
from scones.errors import INTERRUPTED, SconesError, explain
from scones.pace import pace_for

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
    it, running it again goes on. With the id of a stack that was deleted otherwise as --stack, it deletes the buckets
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


def can_ask() -> bool:
    """Whether a person sits at stdin."""
    return sys.stdin.isatty()


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
    """Run it, and return what stopped it, if anything a person should hear of did."""
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
    goes_on = f"`{again}` goes on from here"
    match stopped:
        case KeyboardInterrupt():
            notice(f"interrupted: {goes_on}")
            click.get_current_context().exit(INTERRUPTED)
        case NotDestroyedError():
            message = f"{stopped.message}. Once that is mended, {goes_on}"
            raise NotDestroyedError(message) from stopped
        case Exception():
            message = f"{explain(stopped) or stopped}; {goes_on}"
            raise SconesError(message) from stopped


@contextmanager
def _progress(*, visible: bool) -> Iterator[OnProgress]:
    """Show a bar on stderr for the step under way, if a person looks at it."""
    console = err()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not (visible and console.is_terminal)
    ) as progress:
        steps: dict[str, TaskID] = {}

        def show(what: str, done: int, total: int | None) -> None:
            if what not in steps:
                for earlier in steps.values():
                    progress.update(earlier, visible=False)
                steps[what] = progress.add_task(shown(what), total=total)
            progress.update(steps[what], completed=done, total=total)

        yield show
