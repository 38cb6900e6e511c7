"""`scones verify`: the acceptance test of a deploy."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import click
from rich import box
from rich.table import Table
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.errors import INTERRUPTED, SconesError, explain
from scones.pace import pace_for
from scones.stack import Stack, read_stack
from scones.terminal import can_ask, err, notice, out, print_json, shown
from scones.verify.cleanup import Cleanup
from scones.verify.failure import alerted_people
from scones.verify.outcomes import require_keys
from scones.verify.run import clean_up, verify_stack
from scones.verify.run_resources import RunNames
from scones.verify.verification import CheckRow, CheckState, Verification, is_express

_FAILED = 1
_STYLES: Final = {CheckState.OK: "green", CheckState.FAILED: "bold red", CheckState.NOT_CHECKED: "yellow"}


@click.command()
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the outcome of an image.",
)
@click.option("--no-metrics", is_flag=True, help="Do not wait for metrics: CloudWatch takes minutes.")
@click.option(
    "--failed", is_flag=True, help="Also make an image fail: that raises an alert, so it asks first."
)
@click.option("--yes", is_flag=True, help="Do not ask before --failed raises an alert.")
@click.option("--keep", is_flag=True, help="Leave images, results, claims and the queue for looking.")
@click.option("--clean", "clean_run", metavar="RUN", help="Only remove what an earlier run left.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def verify(  # noqa: PLR0913 (one argument for each option)
    target: Target,
    *,
    timeout_s: float,
    no_metrics: bool,
    failed: bool,
    yes: bool,
    keep: bool,
    clean_run: str | None,
    as_json: bool,
) -> None:
    """Drop test images and check everything that a deployed stack does with them.

    Three drawings and a text go through the stack in a folder of their own, scones-verify/, which is left out of
    `scones status`, `scones results` and drift monitoring. Documents, claims, messages, log lines and metrics are
    checked, and that the same event a second time changes nothing. Then everything is removed again. A reviewer gets a
    message for each drawing that the model is not sure of.

    Exit code 0: every check that could be made passed. 1: one failed, or something could not be removed. 2: usage or
    connection. 130: Ctrl-C.
    """
    connection = connect(target)
    stack = read_stack(connection)
    if clean_run is not None:
        _clean(Cleanup(connection, stack, RunNames.of_earlier_run(clean_run)), target, as_json=as_json)
        return
    require_keys(stack)
    if failed and not yes:
        _ask_about_alert(alerted_people(connection, stack), stack)
    elif failed:
        _say_who_is_alerted(alerted_people(connection, stack), stack)
    verification = Verification(
        connection, stack, RunNames.new(), is_express(connection, stack), timeout_s, pace_for(connection)
    )
    stopped: BaseException | None = None
    left: list[str] = []
    with _progress(visible=not as_json) as verification.on_step:
        try:
            verify_stack(verification, metrics=not no_metrics, failure=failed, visible=not as_json)
        except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 (the clean-up comes first; _finish raises it)
            stopped = error
        if not keep:
            try:
                left = clean_up(verification)
            except KeyboardInterrupt as error:
                stopped, left = error, ["the clean-up was interrupted"]
    _report(verification, stopped, left, target, as_json=as_json)
    if keep:
        notice(f"kept: `{_clean_command(target, verification.names)}` removes it")
    _finish(verification, stopped, left)


def _report(
    verification: Verification,
    stopped: BaseException | None,
    left: list[str],
    target: Target,
    *,
    as_json: bool,
) -> None:
    if as_json:
        print_json(as_document(verification, left, interrupted=stopped is not None))
    else:
        print_checks(verification)
    print_left(left, _clean_command(target, verification.names))


def _finish(verification: Verification, stopped: BaseException | None, left: list[str]) -> None:
    context = click.get_current_context()
    match stopped:
        case KeyboardInterrupt():
            notice("interrupted: the checks that are missing from the table were not made")
            context.exit(INTERRUPTED)
        case Exception():
            line = explain(stopped)
            if line is None:
                raise stopped
            raise SconesError(
                f"{line}; the checks that are missing from the table were not made"
            ) from stopped
    if left or not verification.checklist.passed:
        context.exit(_FAILED)


def _clean(cleanup: Cleanup, target: Target, *, as_json: bool) -> None:
    cleanup.run()
    if as_json:
        print_json({"run": cleanup.names.run, "removed": cleanup.removed, "left": cleanup.left})
    else:
        notice(f"removed {', '.join(cleanup.removed) or 'nothing: nothing was there'}")
    print_left(cleanup.left, _clean_command(target, cleanup.names))
    if cleanup.left:
        click.get_current_context().exit(_FAILED)


def _clean_command(target: Target, names: RunNames) -> str:
    return f"scones verify{target.options} --clean {names.run}"


def _say_who_is_alerted(people: list[str], stack: Stack) -> None:
    topic = stack.alert_topic_arn.rpartition(":")[2]
    notice(
        f"--failed publishes one alert to {topic}, subscribed: {', '.join(people) or 'nobody'}. "
        "It also counts one failed outcome, which an alarm on failures may report to the same topic."
    )


def _ask_about_alert(people: list[str], stack: Stack) -> None:
    _say_who_is_alerted(people, stack)
    if not can_ask():
        message = (
            "nothing was started, as there is no terminal to ask on: --yes raises the alert without asking"
        )
        raise SconesError(message)
    try:
        agreed = click.confirm("Raise it?", default=False, err=True)
    except click.Abort:
        click.get_current_context().exit(INTERRUPTED)
    if not agreed:
        notice("nothing was started; without --failed nobody is alerted")
        click.get_current_context().exit(_FAILED)


@contextmanager
def _progress(*, visible: bool) -> Iterator[Callable[[str], None]]:
    """Show the step under way on stderr: in place on a terminal, a line each elsewhere, nothing for machines."""
    console = err()
    if not visible:
        yield lambda _step: None
    elif not console.is_terminal:
        yield lambda step: notice(step) if step else None
    else:
        with console.status("Verifying") as status:

            def show(step: str) -> None:
                if step:
                    status.update(step)
                    status.start()
                else:  # another display follows
                    status.stop()

            yield show


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
