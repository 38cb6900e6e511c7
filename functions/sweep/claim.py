"""What the claims table knows of one image."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Claim:
    """
    An item of the table; all empty where there is none.

    Attributes
    ----------
    execution
        ARN of the execution that has the image, or had it.
    claim_ends
        Epoch seconds after which that execution cannot be alive any more.
    finished
        Whether the image has its outcome.
    sweeps, swept_at
        How often sweeps have started the image, and when the last of them did.
    reported
        Whether people have been told that sweeps gave it up.
    """

    execution: str | None = None
    claimed_at: datetime | None = None
    claim_ends: int = 0
    finished: bool = False
    sweeps: int = 0
    swept_at: datetime | None = None
    reported: bool = False

    @classmethod
    def from_item(cls, item: Mapping[str, Mapping[str, Any]]) -> Self:
        """Read an item as DynamoDB's client gives it."""
        return cls(
            execution=item.get("execution", {}).get("S"),
            claimed_at=_moment(item.get("claimed_at", {}).get("S")),
            claim_ends=int(float(item.get("claim_ends", {}).get("N", 0))),
            finished="finished_at" in item,
            sweeps=int(item.get("sweeps", {}).get("N", 0)),
            swept_at=_moment(item.get("swept_at", {}).get("S")),
            reported="reported_at" in item,
        )

    @property
    def is_standard(self) -> bool:
        """Whether Step Functions can be asked how the execution is doing; it cannot for EXPRESS ones."""
        return self.execution is not None and ":execution:" in self.execution

    @property
    def awaits_swept_execution(self) -> bool:
        """Whether a sweep's execution was started and has not claimed the image yet."""
        return self.swept_at is not None and (self.claimed_at is None or self.claimed_at < self.swept_at)


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
