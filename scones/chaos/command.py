"""`scones chaos`: break the local cloud on purpose, and see that no image is lost."""

import random
from typing import Any

import click
from rich.text import Text

from scones.chaos.injection import clear_faults, find_workers, inject, kill, read_faults, require_cloud
from scones.errors import SconesError
from scones.suggest import SuggestingGroup, did_you_mean
from scones.terminal import Column, comma, notice, out, print_json, print_rows


@click.group(cls=SuggestingGroup)
def chaos() -> None:
    """Break the local cloud on purpose: an endpoint that fails, workers that die.

    Only the local cloud can be broken: there is no --stack here.
    """


@chaos.command("list")
def list_kinds() -> None:
    """List the faults an endpoint can have."""
    require_cloud()
    rows = [(Text(kind), Text(meaning)) for kind, meaning in read_faults()["kinds"].items()]
    print_rows(Column("kind"), (Column("what a request gets", is_prose=True),), rows)


@chaos.command()
@click.option("--kind", required=True, metavar="KIND", help="What goes wrong: see `scones chaos list`.")
@click.option(
    "--rate",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="SHARE",
    help="Share of the requests that is hit.",
)
@click.option(
    "--for",
    "seconds",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="How long. Without it: until `scones chaos clear`.",
)
def endpoint(kind: str, rate: float, seconds: float | None) -> None:
    """Let the endpoint fail; several kinds may act at once."""
    require_cloud()
    if kind not in (kinds := read_faults()["kinds"]):
        message = f"no fault is called {kind!r}.{did_you_mean(kind, kinds)} See `scones chaos list`."
        raise click.BadParameter(message, param_hint="--kind")
    inject(kind, rate, seconds)
    share = "every request" if rate == 1 else f"{rate:.0%} of the requests"
    time = f"for {seconds:g} s" if seconds else "until `scones chaos clear`"
    notice(f"{kind}: {share}, {time}.")


@chaos.command()
def clear() -> None:
    """End all faults of the endpoint."""
    require_cloud()
    clear_faults()
    notice("The endpoint is well again.")


@chaos.command("kill-worker")
@click.option("--function", "part", default="", metavar="TEXT", help="Only of functions whose name has this.")
@click.option("--all", "everyone", is_flag=True, help="All of them, not one by chance.")
def kill_worker(part: str, *, everyone: bool) -> None:
    """Kill a Lambda worker (SIGKILL), idle or in the middle of a call."""
    workers = [worker for worker in find_workers(require_cloud()) if part.lower() in worker.function.lower()]
    if not workers:
        message = "no such Lambda worker is running: drop an image first"
        raise SconesError(message)
    chosen = workers if everyone else [random.choice(workers)]  # noqa: S311  chance, not a secret
    dead = [worker for worker in chosen if kill(worker)]
    for worker in dead:
        notice(f"Killed process {worker.pid} of {worker.function}.")
    if not dead:
        message = "the workers ended before they could be killed: try again"
        raise SconesError(message)


@chaos.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
def status(*, as_json: bool) -> None:
    """Show what is broken now, and how many requests it has hit."""
    cloud = require_cloud()
    now = read_faults()
    workers = find_workers(cloud)
    if as_json:
        print_json(
            {
                "active": now["active"],
                "injected": now["injected"],
                "workers": [{"pid": worker.pid, "function": worker.function} for worker in workers],
            }
        )
        return
    for fault in now["active"]:
        out().print(Text(f"{fault['kind']:<14} {_extent(fault)}"))
    if not now["active"]:
        out().print("the endpoint is well")
    for kind, count in now["injected"].items():
        out().print(Text(f"{kind:<14} has hit {comma(count, 'request', 'requests')}"))
    out().print(comma(len(workers), "Lambda worker runs", "Lambda workers run"))


def _extent(fault: dict[str, Any]) -> str:
    left = fault["seconds_left"]
    return f"{fault['rate']:.0%} of the requests" + (f", {left:.0f} s left" if left is not None else "")
