"""What a check finds: a level, one sentence, and the next step where something is to be done."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Level(StrEnum):
    """How good or bad a finding is, the best first."""

    OK = "ok"
    WARNING = "warning"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; `next_step` is None where nothing is to be done."""

    name: str
    level: Level
    message: str
    next_step: str | None = None

    def as_document(self) -> dict[str, Any]:
        """Return an item of `checks` as `scones doctor --json` prints it."""
        return {
            "name": self.name,
            "level": str(self.level),
            "message": self.message,
            "next_step": self.next_step,
        }


def ok(name: str, message: str) -> Finding:
    """Return a finding that needs nothing."""
    return Finding(name, Level.OK, message)


def warning(name: str, message: str, next_step: str) -> Finding:
    """Return a finding with which images still get their outcome, or one that could not be checked."""
    return Finding(name, Level.WARNING, message, next_step)


def broken(name: str, message: str, next_step: str) -> Finding:
    """Return a finding with which images do not get their outcome."""
    return Finding(name, Level.BROKEN, message, next_step)


def worst(findings: Iterable[Finding]) -> Level:
    """Return the worst level among findings; of none, `ok`."""
    order = list(Level)
    return max((finding.level for finding in findings), key=order.index, default=Level.OK)
