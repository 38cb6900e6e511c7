"""Draws of an audit, as tests make them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from scones.audits import Draw
from scones.index import time_text

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
CERTIFYING, OTHER = 0.0, 2.0**-32
"""The smallest u of each half."""


def draw(number: int, confidence: float = 0.9, decision: str | None = "bicycle", **other: Any) -> Draw:
    """A draw of the certifying half: the n-th of an hourly stream that ended a moment ago with the 1,000th."""
    at = time_text(NOW - timedelta(hours=1000 - number))
    given: dict[str, Any] = {
        "key": f"incoming/{number}.jpg",
        "etag": f"{number:x}",
        "u": CERTIFYING,
        "label": "bicycle",
        "threshold": 0.8,
        "passed": confidence >= 0.8,
        "model_version": "v1",
        "endpoint": "the-endpoint",
        "labels": "bicycle,motorcycle",
        "decided_at": time_text(NOW - timedelta(hours=1000 - number) + timedelta(minutes=1))
        if decision
        else None,
        "by": "arn:aws:sts::123456789012:assumed-role/Reviewer/anna" if decision else None,
        "share": 0.02,
        "serialize": "s1-32",
    }
    return Draw(at=at, confidence=confidence, decision=decision, **given | other)


def both_halves(
    count: int, confidence: Callable[[int], float], decision: Callable[[int], str | None]
) -> list[Draw]:
    """So many draws of each half, with the same confidences."""
    return [
        replace(draw(n, confidence(n), decision(n)), u=u) for n in range(count) for u in (CERTIFYING, OTHER)
    ]


def spread(number: int) -> float:
    """Confidences from 0.5 to 1, each at most once in 200 draws, in no order."""
    return 0.5 + (number * 77 % 200) / 400
