"""What the sweep's watch has counted: whether at most the promised share of what passes is wrong."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ITEM: Final = {"image_key": {"S": "#sweep"}, "etag": {"S": "watch"}}
"""The item of the claims table that the sweep writes; a test holds it to the sweep's own."""


@dataclass(frozen=True, slots=True)
class PromiseWatch:
    """
    The watch over a promise.

    Attributes
    ----------
    error
        The promised highest share of errors among what passes.
    since
        When it began.
    passes, wrong
        Audited images that passed since then, and the wrong ones of them.
    evidence
        Against the promise, as a share of what refutes it.
    refuted_at, done
        When the promise was refuted, and what the sweep did about it.
    """

    error: float
    since: datetime
    passes: int
    wrong: int
    evidence: float
    refuted_at: datetime | None = None
    done: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what the sweep has stored."""
        found = json.loads(text)
        refuted = found["refuted"] or {}
        return cls(
            error=found["error"],
            since=datetime.fromisoformat(found["since"]),
            passes=found["passes"],
            wrong=found["wrong"],
            evidence=found["evidence"],
            refuted_at=datetime.fromisoformat(refuted["at"]) if refuted else None,
            done=refuted.get("done"),
        )

    def __str__(self) -> str:
        """Return `1,204 audited passes since 3 Nov, 4 wrong; evidence 0.3 % of the alarm's threshold`."""
        counted = f"{self.passes:,} audited passes since {_day(self.since)}, {self.wrong:,} wrong"
        if self.refuted_at:
            return (
                f"refuted on {_day(self.refuted_at)} that at most {100 * self.error:.4g} % is wrong: {counted}. "
                f"{self.done or 'The sweep could not do anything about it yet.'}"
            )
        return f"{counted}; evidence {100 * self.evidence:.2g} % of the alarm's threshold"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones status --json` says of it."""
        return {
            "promised_error": self.error,
            "since": self.since.isoformat(),
            "passes": self.passes,
            "wrong": self.wrong,
            "evidence": self.evidence,
            "refuted_at": self.refuted_at.isoformat() if self.refuted_at else None,
            "done": self.done,
        }


def read_watch(dynamodb: "DynamoDBClient", table: str) -> PromiseWatch | None:
    """Return the watch of a stack; None while nothing is promised, or before the first sweep."""
    text = dynamodb.get_item(TableName=table, Key=ITEM).get("Item", {}).get("watch", {}).get("S")
    return PromiseWatch.parse(text) if text else None


def watch_text(watch: PromiseWatch | None) -> str:
    """Say what the watch has counted, or that there is none."""
    return "no promise (a certificate or PromisedError)" if watch is None else str(watch)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}"
