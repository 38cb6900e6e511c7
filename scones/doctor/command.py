"""`scones doctor`: check an account, an endpoint and a stack, and say what to do."""

from collections.abc import Iterator
from textwrap import wrap
from typing import Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect, connect_account
from scones.decisions.decision import RESERVED
from scones.doctor.endpoint_answer import ANSWER
from scones.doctor.examination import Ask, Model, examine_account, examine_stack
from scones.doctor.findings import Finding, Level, warning, worst
from scones.terminal import can_ask, out, print_json, shown

_BROKEN: Final = 1
_WIDTH: Final = 80
_MARKS: Final = {Level.OK: ("+", "green"), Level.WARNING: ("!", "yellow"), Level.BROKEN: ("x", "bold red")}
_INDENT: Final = " " * 10


def _labels(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    labels = tuple(label.strip() for label in text.split(","))
    if len(labels) < 2 or not all(labels):  # noqa: PLR2004  a class and another
        message = "must be two or more names, comma separated"
        raise click.BadParameter(message)
    if reserved := sorted(RESERVED.intersection(labels)):
        message = (
            f"{reserved[0]} is what a reviewer says instead of a class: train the model with another name"
        )
        raise click.BadParameter(message)
    return labels


@click.command()
@click.option(
    "--endpoint-name", metavar="NAME", help="Before a deploy: the endpoint that the stack will use."
)
@click.option("--labels", metavar="A,B,...", callback=_labels, help="The classes of --endpoint-name's model.")
@click.option("--yes", is_flag=True, help="Send the endpoint one drawn image without asking.")
@click.option("--no-invoke", is_flag=True, help="Send the endpoint nothing, and do not mention it.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def doctor(  # noqa: PLR0913  the options
    target: Target,
    *,
    endpoint_name: str | None,
    labels: tuple[str, ...] | None,
    yes: bool,
    no_invoke: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Check an account, an endpoint and a stack, and give the next step for each problem. Changes nothing.

    With --stack: credentials, quotas, the endpoint, and the stack. With --endpoint-name and --labels, before there is
    a stack: what a deploy needs. Without either: the local cloud.

    The endpoint is sent one drawn image, after asking: a request costs a fraction of a cent. Without a terminal it is
    sent only with --yes.

    Exit code 0: nothing is broken, with or without warnings. 1: something is broken, or with --strict not ok.
    2: usage or connection.
    """
    if (endpoint_name is None) != (labels is None):
        message = "--endpoint-name and --labels belong together"
        raise click.UsageError(message)
    if endpoint_name and target.stack:
        message = "--stack and --endpoint-name exclude each other: the stack names its endpoint"
        raise click.UsageError(message)
    if endpoint_name and labels:
        connection = connect_account(target)
        may_ask = _permission(yes=yes, no_invoke=no_invoke)
        findings = examine_account(connection, Model(endpoint_name, labels), may_ask)
    else:
        connection = connect(target)
        may_ask = _permission(yes=yes or connection.is_local, no_invoke=no_invoke)
        findings = examine_stack(connection, may_ask)
    seen = list(findings if as_json else _printed(findings))
    level = worst(seen)
    if as_json:
        print_json({"checks": [finding.as_document() for finding in seen], "worst": str(level)})
    if level is Level.BROKEN or (strict and level is not Level.OK):
        click.get_current_context().exit(_BROKEN)


def _permission(*, yes: bool, no_invoke: bool) -> Ask:
    def may_ask(model: Model) -> list[Finding] | None:
        if no_invoke:
            return []
        if yes:
            return None
        if not can_ask():
            where = "not checked: there is no terminal to ask on"
            return [warning(ANSWER, where, "repeat the command with --yes, or with --no-invoke")]
        if click.confirm(f"Send {model.endpoint} one drawn image?", default=True, err=True):
            return None
        return [warning(ANSWER, "not checked: you declined", "repeat the command, and agree")]

    return may_ask


def _printed(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Print each finding when it is there: some take seconds."""
    console = out()
    for finding in findings:
        for line in format_finding(finding):
            console.print(line, soft_wrap=True)
        yield finding


def format_finding(finding: Finding) -> list[Text]:
    """Return the lines of a finding, of 80 columns unless a single word is longer."""
    mark, style = _MARKS[finding.level]
    first, *rest = _folded(f"{finding.name}: {finding.message}", _INDENT)
    lines = [Text.assemble((f"{mark} {finding.level:<8}", style), first[len(_INDENT) :])]
    lines += [Text(line) for line in rest]
    if finding.next_step:
        lines += [Text(line) for line in _folded(finding.next_step, f"{_INDENT}  ", f"{_INDENT}> ")]
    return lines


def _folded(text: str, indent: str, first_indent: str | None = None) -> list[str]:
    return wrap(
        shown(text),
        _WIDTH,
        initial_indent=first_indent or indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
