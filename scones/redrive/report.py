"""What a redrive says at its end: a table for people, a document for machines."""

from collections import Counter
from typing import Any

from rich.text import Text

from scones.connection import Target
from scones.console import comma, notice, out, outcome_text, shown
from scones.redrive.images import Redriven, State
from scones.redrive.run import Redrive
from scones.table import Column, print_rows


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
    """Say on stderr what is left: messages nobody can read, images not looked at, where to look next."""
    for what, reason in action.sources.unreadable:
        notice(f"{what} stays where it is, nobody can read it: {shown(reason)}")
    overdue = sum(entry.state is State.NOT_ENDED for entry in action.images.values())
    if overdue:
        images = comma(overdue, "image", "images")
        notice(f"{images} not ended within {action.timeout_s:g} s; see `scones status{target.options}`")
    if not action.is_complete:
        notice("there may be more: no further ones were looked at")


def _counts(action: Redrive) -> dict[str, int]:
    found: Counter[str] = Counter()
    for entry in action.images.values():
        if entry.state is State.ENDED:
            found[str(entry.outcome)] += 1
        elif entry.state is State.FOUND:
            found["would start" if action.dry_run else str(State.NOT_STARTED)] += 1
        else:
            found[str(entry.state)] += 1
    return dict(found)


def _reason(entry: Redriven, *, dry_run: bool) -> str:
    match entry.state:
        case State.ALREADY:
            return "had its outcome already"
        case State.FOUND:
            return "would be started" if dry_run else "not started"
        case State.ENDED:
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
