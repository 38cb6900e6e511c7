"""Whether a stack is paused: what `scones pause` writes into SSM, and how many images are held meanwhile."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from scones.errors import SconesError
from scones.stack import PauseNames, Stack
from scones.terminal import comma, local_time, shown

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

    from scones.connection import Connection

LONGEST_REASON: Final = 500
"""Characters: a standard parameter holds 4 KB, and a console's head shows one line."""


@dataclass(frozen=True, slots=True)
class Pause:
    """
    The pause of a stack, or that there is none.

    Attributes
    ----------
    at
        When the stack was paused or resumed; None where neither has happened.
    held
        About how many images are in the queue: SQS counts approximately.
    problem
        Why the state could not be used; the breaker then changes nothing.
    """

    paused: bool
    reason: str | None = None
    by: str | None = None
    at: str | None = None
    held: int = 0
    problem: str | None = None

    def __str__(self) -> str:
        """Return one line, as `scones status` and the console show it."""
        if self.problem:
            return f"unknown: {self.problem}"
        held = comma(self.held, "image", "images")
        if not self.paused:
            return f"not paused ({held} left to start)" if self.held else "not paused"
        since = f"since {local_time(self.at)} " if self.at else ""
        return f"paused {since}by {shown(self.by or 'somebody')}: {shown(self.reason or '')} ({held} held)"

    @property
    def sentence(self) -> str:
        """Why images wait, for a stack that is paused."""
        since = f" since {local_time(self.at)}" if self.at else ""
        why = f"by {shown(self.by or 'somebody')}: {shown(self.reason or '')}"
        return f"the stack is paused{since} {why}; held images start when the pause ends"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones pause --json` and `scones status --json` print."""
        return {
            "paused": None if self.problem else self.paused,
            "reason": self.reason,
            "by": self.by,
            "at": self.at,
            "held": self.held,
            "problem": self.problem,
        }


def require_pause(stack: Stack) -> PauseNames:
    """Return the names that a pause needs.

    Raises
    ------
    SconesError
        When the stack is older than this command.
    """
    if stack.pause is None:
        message = f"stack {stack.name} cannot be paused: it is older than this command, deploy it again"
        raise SconesError(message)
    return stack.pause


def read_pause(ssm: "SSMClient", sqs: "SQSClient", names: PauseNames) -> Pause:
    """Read the state as the breaker does, and count what is held."""
    counts = sqs.get_queue_attributes(
        QueueUrl=names.held_images_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return _read_state(ssm, names, sum(int(count) for count in counts.values()))


def pause_in_effect(connection: "Connection", stack: Stack) -> Pause | None:
    """Return the pause of a stack that is paused, without what is held; None otherwise, and where it cannot be read."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if stack.pause is None:
        return None
    try:
        pause = _read_state(connection.ssm(), stack.pause)
    except ClientError:
        return None
    return pause if pause.paused else None


def _read_state(ssm: "SSMClient", names: PauseNames, held: int = 0) -> Pause:
    text = ssm.get_parameter(Name=names.parameter)["Parameter"]["Value"]
    try:
        return parse_pause(text, held)
    except ValueError as error:
        return Pause(paused=False, held=held, problem=f"parameter {names.parameter} {error}")


def read_pause_of(connection: "Connection", stack: Stack) -> Pause | None:
    """Read the pause of a stack; None where it is older than `scones pause`."""
    return read_pause(connection.ssm(), connection.sqs(), stack.pause) if stack.pause else None


def parse_pause(text: str, held: int = 0) -> Pause:
    """Read a state; a test holds it to the breaker's own reading.

    Raises
    ------
    ValueError
        The message continues a sentence that starts with the parameter's name.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        message = "is not JSON"
        raise ValueError(message) from None
    fields = value if isinstance(value, dict) else {}
    paused, at = fields.get("paused"), fields.get("at")
    if (problem := _problem(paused, at)) is not None:
        raise ValueError(problem)
    words = {name: word if isinstance(word := fields.get(name), str) else None for name in ("reason", "by")}
    return Pause(bool(paused), words["reason"], words["by"], at, held)


def write_pause(ssm: "SSMClient", names: PauseNames, pause: Pause) -> None:
    """Write a state; the breaker applies it within a minute, whatever becomes of the command that wrote it."""
    document = {"paused": pause.paused, "reason": pause.reason, "by": pause.by, "at": pause.at}
    ssm.put_parameter(
        Name=names.parameter, Value=json.dumps(document, ensure_ascii=False), Type="String", Overwrite=True
    )


def _problem(paused: object, at: object) -> str | None:
    if not isinstance(paused, bool):
        return "has no paused that is true or false"
    return None if at is None or _is_time(at) else "has an at that is not a time with its zone"


def _is_time(text: object) -> bool:
    try:
        return isinstance(text, str) and datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
