"""`scones up`, `scones down` and `scones env`: the commands of the local cloud."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO
from urllib.parse import urlsplit

import click

from scones.arguments import FilePath
from scones.errors import SconesError
from scones.local import sam, servers
from scones.local.address import Address, aws_variables, direct_variables, misleading_variables
from scones.local.model import agreed_parameters, parameters_of, remembered
from scones.local.parameters import check_parameters, check_thresholds, declared_parameters, parse_parameters
from scones.local.processes import Processes, terminate
from scones.local.up import Plan, already_running, run
from scones.running_cloud import project_root, read_cloud, state_dir
from scones.terminal import UNDER_WAY, notice, steps

STOP_TIMEOUT_S: Final = 45
PORT: Final = click.IntRange(1, 65535)
DEFAULT_CONCURRENCY: Final = max(3, 3 * (os.cpu_count() or 2) // 2)


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return when the cloud is ready, and leave it running.")
@click.option("--port", type=PORT, default=4566, show_default=True, help="Port of the local AWS.")
@click.option(
    "--endpoint-port", type=PORT, default=8080, show_default=True, help="Port of the model's endpoint."
)
@click.option(
    "--listen",
    "host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; `sam local` needs one that its containers reach.",
)
@click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the template, such as ConfidenceThreshold=0.9. Repeatable.",
)
@click.option(
    "--model",
    type=FilePath(exists=True, dir_okay=False, resolve_path=True, path_type=Path),
    help="ONNX model to serve instead of the shipped one; Labels and ModelInputSize are the model's.",
)
@click.option(
    "--capture",
    type=FilePath(file_okay=False, resolve_path=True, path_type=Path),
    help="Folder for the endpoint's Data Capture files, which training.monitor reads.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=DEFAULT_CONCURRENCY,
    show_default="1.5 times the cores",
    help="Invocations of each Lambda function that run at once.",
)
@click.option(
    "--persist",
    is_flag=True,
    help="Keep the local AWS on disk; the next `scones up --persist` continues from there.",
)
@click.option("--quiet", "-q", is_flag=True, help="Say that it is ready, and not how to use it.")
def up(  # noqa: PLR0913  one argument per option
    *,
    detach: bool,
    port: int,
    endpoint_port: int,
    host: str,
    parameters: tuple[str, ...],
    model: Path | None,
    capture: Path | None,
    concurrency: int,
    persist: bool,
    quiet: bool,
) -> None:
    """Start the local cloud, deploy the stack to it, and keep it running until Ctrl-C."""
    address, given = Address(host, port, endpoint_port), parse_parameters(parameters)
    declared = declared_parameters(project_root())
    check_parameters(given, declared)
    if persist and model is None and (model := remembered(state_dir())):
        notice(f"Serving {model}, as the last `scones up --persist`.")
    agreed = agreed_parameters(given, parameters_of(model))
    check_parameters(agreed, declared)
    check_thresholds(agreed, declared)
    plan = Plan(address, agreed, model, capture, concurrency, persist, quiet)
    if detach:
        _run_detached(plan)
    else:
        run(plan)


@click.command()
def down() -> None:
    """Stop the local cloud and everything it started."""
    cloud = read_cloud()
    if cloud is None:
        Processes(state_dir() / "logs").stop_leftovers()
        notice("No local cloud is running.")
        return
    if not terminate(cloud.pid, STOP_TIMEOUT_S):
        message = f"process {cloud.pid} has not stopped after {STOP_TIMEOUT_S} s: see {state_dir() / 'logs'}"
        raise SconesError(message)
    notice(f"Stopped the local cloud at {cloud.endpoint_url}.")


@click.command()
def env() -> None:
    """Print the variables that point AWS tools to the local cloud, for `eval "$(scones env)"`."""
    cloud = read_cloud()
    if cloud is None:
        message = "no local cloud is running: start one with `scones up`"
        raise SconesError(message)
    for name in misleading_variables(os.environ):
        click.echo(f"unset {name}")
    host = urlsplit(cloud.endpoint_url).hostname or ""
    for name, value in (aws_variables(cloud.endpoint_url) | direct_variables(host, os.environ)).items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _run_detached(plan: Plan) -> None:
    """Run the same command in a session of its own, and return when it is ready or has failed."""
    if read_cloud() is not None:
        raise already_running()
    Processes(state_dir() / "logs").stop_leftovers()
    servers.require_free(plan.address)
    sam.require_python()
    command = [argument for argument in sys.argv[1:] if argument not in {"--detach", "-d"}]
    log = state_dir() / "logs" / "up.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603  our own command
            [sys.executable, "-m", "scones", *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        with steps("Starting the local cloud") as step, log.open(errors="replace") as lines:
            said = []
            while child.poll() is None and not ((cloud := read_cloud()) and cloud.ready):
                said += _pass_on(lines, step)
                time.sleep(0.1)
            said += _pass_on(lines, step)
    except KeyboardInterrupt:
        child.terminate()
        child.wait(STOP_TIMEOUT_S)
        raise
    click.echo("".join(said).rstrip(), err=True)
    if child.poll() is not None:
        raise click.exceptions.Exit(child.returncode or 1)


def _pass_on(lines: TextIO, step: Callable[[str], None]) -> list[str]:
    """Show the steps that another process has written since, and return its other lines."""
    others = []
    for line in lines:
        if line.endswith(f"{UNDER_WAY}\n"):
            step(line.removesuffix(f"{UNDER_WAY}\n"))
        else:
            others.append(line)
    return others
