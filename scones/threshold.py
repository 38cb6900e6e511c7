"""`scones threshold`: the confidence that passes without a person, and changing it without a deploy."""

from typing import Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.live_threshold import parse_threshold, read_threshold, set_threshold
from scones.stack import read_stack
from scones.terminal import notice, out, print_json

_FAILED: Final = 1


def _value(_context: click.Context, _parameter: click.Parameter, text: str | None) -> float | None:
    try:
        return None if text is None else parse_threshold(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@click.argument("value", required=False, callback=_value)
@click.option("--reset", is_flag=True, help="Go back to the deployed threshold.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def threshold(target: Target, *, value: float | None, reset: bool, as_json: bool) -> None:
    """Show the least confidence that passes without a person, or set it to VALUE, from 0 to 1.

    What is set counts within 30 s for images not judged yet, until it is set again or a deploy changes
    ConfidenceThreshold. Exit code 0: it is live. 1: it cannot be used, so that the deployed one counts. 2: usage or
    connection.
    """
    if reset and value is not None:
        message = "VALUE and --reset exclude each other"
        raise click.UsageError(message)
    connection = connect(target)
    stack = read_stack(connection)
    ssm = connection.ssm()
    if reset:
        value = stack.confidence_threshold
    found = read_threshold(ssm, stack) if value is None else set_threshold(ssm, stack, value)
    if as_json:
        print_json(found.as_document())
    else:
        out().print(Text(str(found)))
        if found.problem:
            notice(
                f"{found.problem}: the deployed one counts; `scones threshold{target.options} --reset` fixes it"
            )
        elif value is not None:
            notice("counts within 30 s for images not judged yet")
    if found.problem:
        click.get_current_context().exit(_FAILED)
