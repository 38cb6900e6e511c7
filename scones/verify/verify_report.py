"""What a verification says at its end: a table for people, a document for machines."""

from collections import Counter
from typing import Any, Final

from rich import box
from rich.table import Table
from rich.text import Text

from scones.console import notice, out, shown
from scones.verify.checklist import CheckRow, CheckState
from scones.verify.verification import Verification

_STYLES: Final = {CheckState.OK: "green", CheckState.FAILED: "bold red", CheckState.NOT_CHECKED: "yellow"}


def as_document(verification: Verification, left: list[str], *, interrupted: bool) -> dict[str, Any]:
    """Return what `scones verify --json` prints."""
    return {
        "stack": verification.stack.name,
        "run": verification.names.run,
        "workflow_type": "EXPRESS" if verification.is_express else "STANDARD",
        "passed": verification.checklist.passed and not interrupted and not left,
        "interrupted": interrupted,
        "counts": {str(state): count for state, count in counts(verification.checklist.rows).items()},
        "checks": [
            {"check": row.check, "subject": row.subject, "state": str(row.state), "detail": row.detail}
            for row in verification.checklist.rows
        ],
        "left": left,
    }


def counts(rows: list[CheckRow]) -> dict[CheckState, int]:
    """Count the checks of each state."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in CheckState}


def print_checks(verification: Verification) -> None:
    """Print a row for each check to stdout, and one line that sums them up."""
    rows = verification.checklist.rows
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("check", no_wrap=True)
    table.add_column("of", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("what was seen", overflow="fold")
    for row in rows:
        state = Text(row.state, style=_STYLES[row.state])
        table.add_row(Text(row.check), Text(shown(row.subject)), state, Text(shown(row.detail)))
    out().print(table)
    summary = ", ".join(f"{count} {state}" for state, count in counts(rows).items() if count)
    out().print(Text(f"run {verification.names.run} of stack {verification.stack.name}: {summary}"))


def print_left(left: list[str], command: str) -> None:
    """Say on stderr what could not be removed, and the command that removes it later."""
    for line in left:
        notice(f"left: {line}")
    if left:
        notice(f"`{command}` removes it")
