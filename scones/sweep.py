"""`scones sweep`: run the deployed sweep now, and say what it started, gave up, or would."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.errors import SconesError
from scones.stack import read_stack
from scones.terminal import Column, comma, notice, out, print_json, print_rows, shown

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_FAILED: Final = 1
LONGEST_RUN_S: Final = 900
_NAMED: Final = 100
_SAID: Final = {
    # kind: (has been, would be)
    "started": ("started", "would start"),
    "reported": ("given up", "would be given up"),
    "exhausted": ("given up before", "given up before"),
    "errors": ("error", "error"),
}


@dataclass(slots=True)
class Sweep:
    """What all invocations of one `scones sweep` found together."""

    dry_run: bool
    looked_at: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    images: defaultdict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))
    decisions: Counter[str] = field(default_factory=Counter)
    stopped_by: str | None = None

    def add(self, answer: dict[str, Any]) -> None:
        """Add one invocation's answer."""
        self.looked_at += answer["looked_at"]
        self.counts.update(answer["counts"])
        self.decisions.update(answer["decisions"])
        for kind, images in answer["images"].items():
            self.images[kind] += images[: _NAMED - len(self.images[kind])]
        self.stopped_by = answer["stopped_by"]

    @property
    def is_fine(self) -> bool:
        """Whether no image was given up, and no image and no decision made an error."""
        return not self.decisions["errors"] and not any(
            self.counts[kind] for kind in ("reported", "exhausted", "errors")
        )

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """The images that something was done about: key, what, and why."""
        return [
            (image["key"], said[self.dry_run], image["why"])
            for kind, said in _SAID.items()
            for image in self.images[kind]
        ]

    @property
    def summary(self) -> str:
        """A line of counts."""
        counts = (
            f"{self.counts[kind]:,} {said}"
            for kind, said in {
                **{kind: said[self.dry_run] for kind, said in _SAID.items()},
                "paused": "left, because the stack is paused",
                "running": "running",
                "finished": "with an outcome",
                "waiting": "too young to tell",
                "too_old": "too old to look after",
            }.items()
            if self.counts[kind]
        )
        return f"looked at {comma(self.looked_at, 'image', 'images')}: {', '.join(counts) or 'nothing there'}"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones sweep --json` prints."""
        return {
            "dry_run": self.dry_run,
            "looked_at": self.looked_at,
            "counts": dict(self.counts),
            "images": dict(self.images),
            "decisions": dict(self.decisions),
            "stopped_by": self.stopped_by,
        }


@click.command()
@click.option("--dry-run", is_flag=True, help="Start nothing, only say what would be.")
@click.option(
    "--older-than",
    "minutes",
    type=click.FloatRange(min=0),
    metavar="MINUTES",
    help="Look at images older than this. Default: the stack's SweepMinutes.",
)
@click.option(
    "--restart-watch",
    is_flag=True,
    help="Run the stack's own sweep now, and forget what its watch has counted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def sweep(
    target: Target, *, dry_run: bool, minutes: float | None, restart_watch: bool, as_json: bool
) -> None:
    """Start the images again that have no outcome and that no execution is working on.

    Lists the whole bucket now; the stack's own sweep reads its index every few minutes and lists the bucket every six
    hours. Exit code 0: nothing is given up. 1: some images have been started without success as often as the stack
    allows, or made an error. 2: usage or connection.
    """
    if restart_watch and (dry_run or minutes is not None):
        message = "--restart-watch excludes --dry-run and --older-than"
        raise click.UsageError(message)
    connection = connect(target)
    stack = read_stack(connection)
    client = connection.lambda_(LONGEST_RUN_S)
    if restart_watch:
        found = Sweep(dry_run=False)
        found.add(_invoke(client, stack.sweep_function, {"restart_watch": True}))
    else:
        found = run_sweep(client, stack.sweep_function, dry_run=dry_run, minutes=minutes)
    if as_json:
        print_json(found.as_document())
    else:
        print_sweep(found, target)
    if not found.is_fine:
        click.get_current_context().exit(_FAILED)


def run_sweep(client: "LambdaClient", function: str, *, dry_run: bool, minutes: float | None) -> Sweep:
    """Invoke the function until it is through the bucket, or has started as much as it may at once.

    Raises
    ------
    SconesError
        When the function fails, with its own reason.
    """
    found = Sweep(dry_run)
    position: dict[str, Any] | None = None
    while True:
        request: dict[str, Any] = {"dry_run": dry_run, "start_after": position}
        if minutes is not None:
            request["older_than_minutes"] = minutes
        answer = _invoke(client, function, request)
        found.add(answer)
        if answer["stopped_by"] != "time" or answer["continue_after"] == position:
            return found
        position = answer["continue_after"]


def print_sweep(found: Sweep, target: Target) -> None:
    """Print the images that something was done about, and a line of counts."""
    if found.rows:
        rows = [(Text(shown(key)), what, Text(shown(why))) for key, what, why in found.rows]
        print_rows(Column("image"), (Column("what"), Column("why", is_prose=True)), rows)
    for kind, said in _SAID.items():
        if (more := found.counts[kind] - len(found.images[kind])) > 0:
            notice(f"and {more:,} more: {said[found.dry_run]}")
    out().print(Text(found.summary))
    if found.decisions["started"]:
        out().print(f"recording {comma(found.decisions['started'], 'decision', 'decisions')} of people again")
    if found.decisions["errors"]:
        notice(
            f"{comma(found.decisions['errors'], 'decision', 'decisions')} of people could not be recorded: "
            "the log of Sweep has the reason"
        )
    if found.stopped_by == "starts":
        notice("as many as one run may start: repeat the command, or leave the rest to the schedule")
    if found.counts["reported"] or found.counts["exhausted"]:
        notice(f"find out why they die, then start those given up again: scones redrive{target.options}")


def _invoke(client: "LambdaClient", function: str, request: dict[str, Any]) -> dict[str, Any]:
    answer = client.invoke(FunctionName=function, Payload=json.dumps(request).encode())
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        said = payload.get("errorMessage") if isinstance(payload, dict) else payload
        message = f"the sweep failed: {said}"
        raise SconesError(" ".join(message.split()))
    return dict(payload)
