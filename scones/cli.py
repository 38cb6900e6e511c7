"""The `scones` command: each subcommand lives in a module of its own, imported when it is called."""

import importlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import click

from scones.arguments import refuse_other_bytes
from scones.errors import INTERRUPTED, SconesError, explain
from scones.suggest import SuggestingGroup


class Lazy(NamedTuple):
    """Where a subcommand lives, and the line `scones --help` shows without importing it."""

    target: str
    summary: str
    extra: str = "local"


COMMANDS: Final[Mapping[str, Lazy]] = {
    "up": Lazy("scones.local.commands:up", "Start the local cloud and deploy the stack to it."),
    "drop": Lazy("scones.drop.command:drop", "Upload images and wait for their outcomes."),
    "doctor": Lazy(
        "scones.doctor.command:doctor", "Check an account, an endpoint and a stack before and after a deploy."
    ),
    "status": Lazy("scones.status:status", "Show outcomes, what waits, which alarms are in ALARM."),
    "verify": Lazy(
        "scones.verify.command:verify", "Drop test images and check all that a stack does with them."
    ),
    "console": Lazy(
        "scones.console.command:console", "See images arrive and decide about them, in a browser.", "console"
    ),
    "results": Lazy("scones.results:results", "List and filter result documents."),
    "fetch": Lazy("scones.fetch.command:fetch", "Copy images into folders by label."),
    "review": Lazy("scones.review.command:review", "Decide about images that wait for a person, by key."),
    "export": Lazy(
        "scones.export.command:export", "Write results as CSV, Parquet, Label Studio, COCO or FiftyOne."
    ),
    "why": Lazy("scones.why.command:why", "Say where an image is, its last error, and what happens next."),
    "show": Lazy("scones.show.command:show", "Show all that is known of one image."),
    "redrive": Lazy(
        "scones.redrive.command:redrive", "Start failed images again and report the outcome of each."
    ),
    "sweep": Lazy("scones.sweep:sweep", "Start lost images again, as the stack does on a schedule."),
    "adopt": Lazy("scones.adopt:adopt", "Let a bucket tell EventBridge about its uploads."),
    "pause": Lazy("scones.pause:pause", "Hold new images in a queue until the stack is resumed."),
    "resume": Lazy("scones.pause:resume", "Start new images again, and those that were held."),
    "threshold": Lazy(
        "scones.threshold:threshold", "Show or set the confidence that passes, without a deploy."
    ),
    "what-if": Lazy(
        "scones.what_if.command:what_if",
        "Say what another threshold or model would have made of stored images.",
    ),
    "certify": Lazy(
        "scones.certify.command:certify",
        "Say from which threshold on at most so much of what passes is wrong.",
    ),
    "backfill": Lazy("scones.backfill.command:backfill", "Classify images that were in the bucket before."),
    "reindex": Lazy(
        "scones.reindex:reindex", "Fill the index of a stack that was deployed before it had one."
    ),
    "cost": Lazy("scones.cost.command:cost", "Say what a stack has cost, and what would cut it."),
    "graph": Lazy("scones.graph.command:graph", "Draw the workflow, or the path of one execution."),
    "chaos": Lazy(
        "scones.chaos.command:chaos", "Break the local cloud on purpose, and see that no image is lost."
    ),
    "destroy": Lazy("scones.destroy.command:destroy", "Delete a stack and everything it made, after asking."),
    "env": Lazy("scones.local.commands:env", "Print the variables that point AWS tools to the local cloud."),
    "down": Lazy("scones.local.commands:down", "Stop the local cloud and everything it started."),
}


class LazyGroup(SuggestingGroup):
    """A group that imports a subcommand on use, and turns the errors of all of them into one line."""

    lazy: Mapping[str, Lazy] = COMMANDS

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        """Name the subcommands in the order a newcomer needs them."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the subcommand; a missing extra is named instead of a traceback."""
        if cmd_name not in self.lazy:
            return None
        module, _, attribute = self.lazy[cmd_name].target.partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.split(".")[0] == "scones":
                raise
            extra = self.lazy[cmd_name].extra
            message = f"`scones {cmd_name}` needs the Python package {error.name}: install scones[{extra}]"
            raise SconesError(message) from error
        if not isinstance(command, click.Command):
            message = f"{self.lazy[cmd_name].target} is not a command"
            raise TypeError(message)
        refuse_other_bytes(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of subcommands from their summaries, so that --help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, lazy.summary) for name, lazy in self.lazy.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's signature)
        """Run the subcommand: the one place where exceptions become a line and an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:
            line = explain(error)
            if line is None:
                raise
            raise SconesError(line) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="scones", message="%(prog)s %(version)s")
def main() -> None:
    """Event-driven image triage: drop a photo, get its label, or a person's review.

    Without --stack, commands talk to the local cloud that `scones up` starts.
    """
