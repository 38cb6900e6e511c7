"""The pause of a stack, in one SSM parameter: `scones pause` writes it, and the breaker when it opens and closes."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from breaker.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
BREAKER = "the breaker"


class PauseStateError(ValueError):
    """The parameter is not a pause: nothing is switched, and nothing started, until it is."""


@dataclass(frozen=True, slots=True)
class Open:
    """
    What the breaker knows while it is open.

    Attributes
    ----------
    why
        The failures that opened it.
    next_probe
        When the next image may be started, if none is under way.
    failed_probes
        How many have failed since it opened; they decide how long it waits.
    probe, probed_at
        ARN of the execution that is under way, and since when; None without one.
    """

    why: str
    next_probe: datetime
    failed_probes: int = 0
    probe: str | None = None
    probed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """Whether the stack is paused, since when it is or is not, and what the breaker knows if it has paused it."""

    paused: bool
    at: datetime = LONG_AGO
    opened: Open | None = None


@dataclass(frozen=True, slots=True)
class PauseParameter:
    """The SSM parameter."""

    ssm: "SSMClient"
    name: str

    def read(self) -> tuple[Pause, int]:
        """
        Return the pause and the version of the parameter.

        Raises
        ------
        PauseStateError
            When the value is not one. A guess would drop uploads, or start images against somebody's will.
        """
        found = self.ssm.get_parameter(Name=self.name)["Parameter"]
        return parse_pause(found["Value"]), found["Version"]

    def write(self, pause: Pause, version: int) -> Pause:
        """
        Write the breaker's pause, and return the one in effect.

        SSM has no conditional write, but counts: if somebody has written since `version` was read, their value is put
        back, because a person's pause must not be ended, nor their resume be undone, by the breaker.
        """
        written = self._put(json.dumps(document_of(pause)))
        if written == version + 1:
            return pause
        theirs = self.ssm.get_parameter(Name=f"{self.name}:{written - 1}")["Parameter"]["Value"]
        logger.warning("the pause was written by somebody else meanwhile", theirs=theirs)
        self._put(theirs)
        return parse_pause(theirs)

    def _put(self, value: str) -> int:
        return self.ssm.put_parameter(Name=self.name, Value=value, Type="String", Overwrite=True)["Version"]


def document_of(pause: Pause) -> dict[str, Any]:
    """Return a pause of the breaker, or its end, as `scones pause` writes one, with what the next run must know."""
    document: dict[str, Any] = {
        "paused": pause.paused,
        "reason": pause.opened.why if pause.opened else None,
        "by": BREAKER,
        "at": pause.at.isoformat(),
    }
    if pause.opened:
        document["breaker"] = {
            "next_probe": pause.opened.next_probe.isoformat(),
            "failed_probes": pause.opened.failed_probes,
            "probe": pause.opened.probe,
            "probed_at": pause.opened.probed_at.isoformat() if pause.opened.probed_at else None,
        }
    return document


def parse_pause(text: str) -> Pause:
    """
    Parse `{"paused": true, "at": "2026-11-27T18:00:00+00:00", ...}`; `at` may be missing, other fields are skipped.

    With an object `breaker`, the pause is the breaker's.

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
    fields: dict[str, Any] = value if isinstance(value, dict) else {}
    paused, at, known = fields.get("paused"), fields.get("at"), fields.get("breaker")
    if not isinstance(paused, bool):
        raise PauseStateError("the pause has no paused that is true or false")
    moment = LONG_AGO if at is None else _moment(at, "at")
    opened = _open(known, fields.get("reason")) if paused and known is not None else None
    return Pause(paused, moment, opened)


def _open(known: object, why: object) -> Open:
    if not isinstance(known, dict):
        raise PauseStateError("the pause has a breaker that is not an object")
    probe, probed_at, failed = known.get("probe"), known.get("probed_at"), known.get("failed_probes", 0)
    if not isinstance(failed, int) or failed < 0 or not isinstance(probe, str | None):
        raise PauseStateError("the pause has a breaker with failed_probes or probe of another type")
    return Open(
        str(why or ""),
        next_probe=_moment(known.get("next_probe"), "next_probe"),
        failed_probes=failed,
        probe=probe,
        probed_at=None if probed_at is None else _moment(probed_at, "probed_at"),
    )


def _moment(text: object, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PauseStateError(f"the pause has an {name} that is not a time with its zone")
    return moment
