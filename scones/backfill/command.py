"""`scones backfill`: classify images that were in the bucket before the workflow was, and those that it missed."""

import re
from typing import TYPE_CHECKING, Any

import click
from rich.text import Text

from scones.backfill.run import Counts, Request, Run, find_running, start
from scones.connection import Target, cloud_options, connect, is_gone
from scones.errors import INTERRUPTED, SconesError, explain
from scones.stack import read_stack
from scones.terminal import comma, notice, out, print_json, progress_bars, shown

if TYPE_CHECKING:
    from scones.stack import Stack

DEFAULT_CONCURRENCY = 40
DEFAULT_TOLERANCE = 5
_MANIFEST = re.compile(r"s3://(?P<bucket>[^/]+)/(?P<key>.+/manifest\.json)")


@click.command()
@click.argument("prefix", default="")
@click.option(
    "--manifest",
    metavar="S3_URL",
    help="Take the images of an S3 Inventory (its manifest.json below inventory/ of the results bucket) instead.",
)
@click.option(
    "--max-concurrency",
    type=click.IntRange(1, 10_000),
    default=DEFAULT_CONCURRENCY,
    show_default=True,
    help="Images at once; keep it below what the endpoint and the account's Lambda concurrency can handle.",
)
@click.option(
    "--tolerate",
    type=click.IntRange(0, 99),
    default=DEFAULT_TOLERANCE,
    show_default=True,
    metavar="PERCENT",
    help="Stop when more of the images than this fail.",
)
@click.option(
    "--detach", is_flag=True, help="Start it and return; the same command shows its progress later."
)
@click.option("--stop", is_flag=True, help="Stop the backfill of this prefix; starting it again continues.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def backfill(  # noqa: PLR0913  one argument per option
    target: Target,
    *,
    prefix: str,
    manifest: str | None,
    max_concurrency: int,
    tolerate: int,
    detach: bool,
    stop: bool,
    as_json: bool,
) -> None:
    """Classify the images below PREFIX that have no outcome yet (all images without one).

    It runs in the cloud: Ctrl-C stops watching only, and the same command resumes watching. An image that has its
    outcome already is skipped, so a backfill can be stopped and started again.
    """
    connection = connect(target)
    stack = read_stack(connection)
    request = Request(
        stack.image_bucket, _below_incoming(prefix, stack), _place(manifest, stack), max_concurrency, tolerate
    )
    states = connection.stepfunctions()
    run = find_running(states, stack.backfill_arn, request)
    if stop:
        if run is None:
            message = f"no backfill of {request.title} is running"
            raise SconesError(message)
        run.stop()
        notice(f"Stopped. The same command without --stop{target.options} continues.")
        return
    if run is not None:
        notice(f"A backfill of {request.title} is running already: this is its progress.")
    else:
        run = start(states, stack.backfill_arn, request)
    if detach:
        click.echo(run.arn)
        return
    try:
        counts, status = _watch(run, request, quiet=as_json)
    except KeyboardInterrupt:
        notice(f"Not watching any more; {_fate(target)}.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        if (line := explain(error)) is None:
            raise
        message = f"{line}; {_fate(target)}"
        raise SconesError(message) from error
    _report(run, counts, status, stack, target, as_json=as_json)
    if status == "SUCCEEDED" and not counts.total:
        notice(f"There is nothing at {shown(request.title)}: check the prefix.")
        raise click.exceptions.Exit(1)
    if status != "SUCCEEDED" or counts.unclassified:
        raise click.exceptions.Exit(1)


def _fate(target: Target) -> str:
    if is_gone(target):
        return "the backfill is gone with the local cloud: start both again"
    return "the backfill continues: the same command shows it, --stop stops it"


def _below_incoming(prefix: str, stack: "Stack") -> str:
    keys = stack.keys
    whole = prefix if prefix.startswith(keys.unnamed) else keys.unnamed + prefix
    if keys.prefix.startswith(whole):
        return keys.prefix
    if not whole.startswith(keys.prefix) or whole.startswith(keys.excluded):
        message = f"no image has a key that begins with {shown(whole)}: this stack takes {keys}"
        raise SconesError(message)
    return whole


def _place(manifest: str | None, stack: "Stack") -> dict[str, str] | None:
    if manifest is None:
        return None
    found = _MANIFEST.fullmatch(manifest)
    if not found or found["bucket"] != stack.results_bucket or not found["key"].startswith("inventory/"):
        message = f"--manifest has to be s3://{stack.results_bucket}/inventory/.../manifest.json: {manifest}"
        raise SconesError(message)
    return {"bucket": found["bucket"], "key": found["key"]}


def _watch(run: Run, request: Request, *, quiet: bool) -> tuple[Counts, str]:
    with progress_bars(visible=not quiet) as progress:
        task = progress.add_task(f"Listing {shown(request.title)}", total=None)

        def show(counts: Counts) -> None:
            failed = f", {counts.unclassified:,} failed" if counts.unclassified else ""
            progress.update(
                task,
                total=counts.total or None,
                completed=counts.total - counts.left,
                description=f"Classifying{failed}",
            )

        return run.wait(show)


def _report(run: Run, counts: Counts, status: str, stack: "Stack", target: Target, *, as_json: bool) -> None:
    summary = f"s3://{stack.results_bucket}/backfill/{run.name}/summary.json"
    document: dict[str, Any] = {
        "execution": run.arn,
        "status": status,
        "objects": counts.total,
        "succeeded": counts.succeeded,
        "failed": counts.unclassified,
        "left": counts.left,
        "summary": summary,
    }
    if as_json:
        print_json(document)
        return
    console = out()
    console.print(Text(f"{comma(counts.total, 'object', 'objects')}, {counts.succeeded:,} done,"), end=" ")
    console.print(Text(f"{counts.unclassified:,} failed, {counts.left:,} left; {status.lower()}"))
    console.print(Text(summary))
    if counts.unclassified or counts.left:
        notice(
            f"`scones redrive{target.options}` and `scones sweep{target.options}` start images without a good outcome "
            "again; so does this command."
        )
