"""The pause of a stack, as `scones pause` writes it into one SSM parameter."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class PauseStateError(ValueError):
    """The parameter is not a pause: nothing is switched, and nothing started, until it is."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether the stack is paused, and since when it is or is not."""

    paused: bool
    at: datetime = LONG_AGO


def read_pause(ssm: "SSMClient", name: str) -> Pause:
    """
    Read the pause.

    Raises
    ------
    PauseStateError
        When the value is not one. A guess would drop uploads, or start images against somebody's will.
    """
    return parse_pause(ssm.get_parameter(Name=name)["Parameter"]["Value"])


def parse_pause(text: str) -> Pause:
    """
    Parse `{"paused": true, "at": "2026-11-27T18:00:00+00:00", ...}`; `at` may be missing, other fields are skipped.

    Raises
    ------
    PauseStateError
        For anything else, with the reason.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise PauseStateError(
            "the pause is not JSON: `scones resume` or `scones pause` writes it anew"
        ) from None
    paused, at = (value.get("paused"), value.get("at")) if isinstance(value, dict) else (None, None)
    if not isinstance(paused, bool):
        raise PauseStateError("the pause has no paused that is true or false")
    return Pause(paused, LONG_AGO if at is None else _moment(at))


def _moment(at: object) -> datetime:
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PauseStateError("the pause has an at that is not a time with its zone")
    return moment
