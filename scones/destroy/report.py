"""What a destroy shows before and after: a table and lines for people, a document for machines."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box, filesize
from rich.table import Table
from rich.text import Text

from scones.console import comma, notice, out, shown
from scones.destroy.remains import Remaining
from scones.destroy.run import Destroy

if TYPE_CHECKING:
    from rich.console import Console

    from scones.destroy.contents import Bucket


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
