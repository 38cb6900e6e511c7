"""`scones graph`: draw the workflow, from its file, a deployed stack, or as one execution went through it."""

from typing import TYPE_CHECKING, Final

import click

from scones.connection import Connection, Target, cloud_options, connect
from scones.errors import SconesError, error_code
from scones.graph.definition import Workflow
from scones.graph.execution import Path, read_path
from scones.graph.mermaid import draw_mermaid
from scones.graph.svg import draw_svg
from scones.running_cloud import project_root
from scones.stack import read_stack
from scones.terminal import shown

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

DEFINITION: Final = "statemachine/classify_image.asl.json"


@click.command()
@click.option(
    "--mermaid", "form", flag_value="mermaid", default=True, help="Print a Mermaid flowchart (default)."
)
@click.option("--svg", "form", flag_value="svg", help="Print an SVG picture.")
@click.option("--execution", metavar="ARN", help="Mark the path that this execution took, with its times.")
@cloud_options
def graph(target: Target, *, form: str, execution: str | None) -> None:
    """Draw the workflow from its definition.

    Without options, the definition is the file in the checkout; with --stack, the deployed one; with --execution, the
    one that the execution began with. An EXPRESS execution keeps no history, so its path cannot be drawn.

    Exit code 0: it is drawn. 2: usage or connection.
    """
    workflow, path = _read(target, execution)
    click.echo(draw_svg(workflow, path) if form == "svg" else draw_mermaid(workflow, path), nl=False)


def _read(target: Target, execution: str | None) -> tuple[Workflow, Path | None]:
    if execution == "":
        raise click.BadParameter("an ARN must not be empty", param_hint="--execution")
    if execution is not None:
        return _of_execution(connect(target).stepfunctions(), execution)
    if target.stack or target.profile or target.region:
        return _deployed(connect(target)), None
    file = project_root() / DEFINITION
    try:
        return Workflow.parse_text(file.read_text(encoding="utf-8")), None
    except UnicodeDecodeError as error:
        message = f"{DEFINITION} cannot be drawn: it is not UTF-8 ({error.reason} at byte {error.start:,})"
        raise SconesError(message) from error
    except FileNotFoundError:
        message = f"no {DEFINITION} here: run this in a checkout, or name a deployed stack with --stack"
        raise SconesError(message) from None
    except OSError as error:
        message = f"{DEFINITION} cannot be read: {error.strerror or error}"
        raise SconesError(message) from error


def _deployed(connection: Connection) -> Workflow:
    arn = read_stack(connection).workflow_arn
    return Workflow.parse_text(
        connection.stepfunctions().describe_state_machine(stateMachineArn=arn)["definition"]
    )


def _of_execution(stepfunctions: "SFNClient", arn: str) -> tuple[Workflow, Path]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if ":express:" in arn:
        message = (
            "an EXPRESS execution keeps no history: its log group has what there is, by the execution's name"
        )
        raise SconesError(message)
    try:
        path = read_path(stepfunctions, arn)
        definition = stepfunctions.describe_state_machine_for_execution(executionArn=arn)["definition"]
        return Workflow.parse_text(definition), path
    except ClientError as error:
        if error_code(error) not in {"ExecutionDoesNotExist", "InvalidArn"}:
            raise
        message = (
            f"no execution {shown(arn)} here: its ARN is in the document of its image (`execution`), "
            "and AWS keeps it for 90 days"
        )
        raise SconesError(message) from error
