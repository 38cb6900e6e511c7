"""`scones pause` and `scones resume`: hold the uploads of a stack back, and start them afterwards."""

import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.pause_state import LONGEST_REASON, Pause, read_pause, require_pause, write_pause
from scones.stack import PauseNames, Stack, read_stack
from scones.terminal import notice, out, print_json, steps

if TYPE_CHECKING:
    from scones.connection import Connection

OVERLAP_S: Final = 30.0
"""For how long both rules take uploads: EventBridge applies a change "after a short period of time"."""


@click.command()
@click.option(
    "--reason", required=True, metavar="TEXT", help="Why; everybody who looks at the stack sees it."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def pause(target: Target, *, reason: str, as_json: bool) -> None:
    """Hold new images in a queue, until `scones resume`.

    Uploads go on. Their events wait in the queue of held images, for at most 14 days; an alarm fires after ten. Images
    that are under way get their outcomes, and the sweep starts none. Exit code 0: paused. 2: usage or connection.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > LONGEST_REASON:
        message = f"it must have 1 to {LONGEST_REASON} characters"
        raise click.BadParameter(message, param_hint="--reason")
    _change(target, paused=True, reason=reason, as_json=as_json)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def resume(target: Target, *, as_json: bool) -> None:
    """Start new images again, and those that were held.

    Held images start about the oldest first, at most DrainPerSecond in a second, beside new ones. Exit code 0: not
    paused any more. 2: usage or connection.
    """
    _change(target, paused=False, reason=None, as_json=as_json)


def _change(target: Target, *, paused: bool, reason: str | None, as_json: bool) -> None:
    connection = connect(target)
    stack = read_stack(connection)
    names = require_pause(stack)
    before = read_pause(connection.ssm(), connection.sqs(), names)
    now = Pause(paused, reason, connection.sts().get_caller_identity()["Arn"], datetime.now(UTC).isoformat())
    if before.problem or before.paused != paused:
        write_pause(connection.ssm(), names, now)
        _tell(connection, stack, now)
    elif paused:  # another reason, but the same pause: since when it lasts must stay true
        now = replace(now, at=before.at)
        write_pause(connection.ssm(), names, now)
    else:
        now = before
    with steps("Switching the rules on uploads"):
        switch_rules(connection, names, paused=paused)
    now = read_pause(connection.ssm(), connection.sqs(), names)
    if as_json:
        print_json(now.as_document())
        return
    out().print(Text(str(now)))
    if paused:
        notice(f"`scones resume{target.options}` starts what is held; SQS keeps it for 14 days at most")


def switch_rules(connection: "Connection", names: PauseNames, *, paused: bool) -> None:
    """
    Enable one rule, and only when that has taken effect disable the other: no upload is missed by both.

    The breaker does the same each minute, so a command that is interrupted here leaves nothing half done.
    """
    events = connection.events()
    on, off = (names.hold_rule, names.upload_rule) if paused else (names.upload_rule, names.hold_rule)
    was_on = events.describe_rule(Name=on)["State"] == "ENABLED"
    events.enable_rule(Name=on)
    if not was_on and not connection.is_local:
        time.sleep(OVERLAP_S)
    events.disable_rule(Name=off)


def _tell(connection: "Connection", stack: Stack, now: Pause) -> None:
    """Tell who subscribes to alerts."""
    what = "paused" if now.paused else "resumed"
    options = connection.options
    document = {
        "reason": f"The stack {stack.name} was {what}" + (f": {now.reason}" if now.reason else "."),
        "by": now.by,
        "at": now.at,
        "look": f"scones status{options}",
        "next_step": f"scones resume{options}, within 14 days"
        if now.paused
        else "docs/runbook.md#pause-and-resume",
    }
    connection.sns().publish(
        TopicArn=stack.alert_topic_arn,
        Subject=f"Images of {stack.name} are {'held' if now.paused else 'started again'}"[:100],
        Message=json.dumps(document, ensure_ascii=False, indent=2),
    )
