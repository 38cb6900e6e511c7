"""`scones threshold`: the confidence that passes without a person, and changing it without a deploy."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.label_thresholds import Thresholds
from scones.live_threshold import (
    LiveThreshold,
    certificate_problem,
    certificate_text,
    check_end,
    read_threshold,
    set_threshold,
)
from scones.stack import Stack, read_stack
from scones.terminal import notice, out, print_json

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_FAILED: Final = 1


@click.command()
@click.argument("value", required=False)
@click.option("--reset", is_flag=True, help="Go back to the deployed threshold.")
@click.option("--force", is_flag=True, help="End a certificate without which no image passes.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def threshold(target: Target, *, value: str | None, reset: bool, force: bool, as_json: bool) -> None:
    """Show the lowest confidence that passes without a person, or set it to VALUE.

    VALUE is a number from 0 to 1, or one for each label: bicycle=0.9,default=0.8. What is set counts within 30 s for
    images not judged yet, until it is set again or a deploy changes ConfidenceThreshold. It ends a certificate. Exit
    code 0: it is live. 1: it cannot be used, so that the deployed one counts. 2: usage or connection.
    """
    if reset and value is not None:
        message = "VALUE and --reset exclude each other"
        raise click.UsageError(message)
    connection = connect(target)
    stack = read_stack(connection)
    wanted = stack.thresholds if reset else _parsed(value, stack)
    ssm = connection.ssm()
    found = read_threshold(ssm, stack) if wanted is None else _change(ssm, stack, wanted, force=force)
    if as_json:
        print_json(found.as_document())
    else:
        _show(found, is_new=wanted is not None, options=target.options)
    if stack.requires_certificate and (
        problem := certificate_problem(found.certificate, stack, datetime.now(UTC))
    ):
        notice(f"no image passes, because RequireCertificate is true and {problem}")
    if found.problem:
        click.get_current_context().exit(_FAILED)


def _parsed(value: str | None, stack: Stack) -> Thresholds | None:
    try:
        return None if value is None else Thresholds.parse(value, stack.labels)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="VALUE") from error


def _change(ssm: "SSMClient", stack: Stack, wanted: Thresholds, *, force: bool) -> LiveThreshold:
    """Set the live thresholds, unless that would end a certificate without which no image passes."""
    found = read_threshold(ssm, stack)
    if not force:
        check_end(found, stack)
    if found.certificate is not None:
        notice(f"this ends the certificate that is valid until {found.certificate['until']}")
    return set_threshold(ssm, stack, wanted)


def _show(found: LiveThreshold, *, is_new: bool, options: str) -> None:
    out().print(Text(str(found)))
    if found.certificate is not None:
        out().print(Text(certificate_text(found.certificate)))
    if found.problem:
        notice(f"{found.problem}: the deployed one counts; `scones threshold{options} --reset` fixes it")
    elif is_new:
        notice("counts within 30 s for images not evaluated yet")
