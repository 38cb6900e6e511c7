"""The audit of a deployed stack, whose draws a test gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scones.audits import Draw


@dataclass
class FakeAudit:
    """The draws of a stack, and what was asked of it."""

    draws: list[Draw] = field(default_factory=list)
    missed: int = 0
    off: str | None = None
    asked: list[str] = field(default_factory=list)
