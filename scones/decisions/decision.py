"""Decisions as the claim of an image has them, and the part of a claim that a reviewer may read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Self

from scones.decisions.review_image import ReviewImage
from scones.index import time_text

NEITHER: Final = "neither"
"""None of the classes."""
CANNOT_TELL: Final = "cannot_tell"
"""A person cannot decide either; training leaves the image out."""
GONE: Final = "gone"
"""The image left the queue because it was deleted: no label."""
UNDONE: Final = "undone"
"""The decision that this one replaces does not count any more."""
RESERVED: Final = frozenset({NEITHER, CANNOT_TELL, GONE, UNDONE})
MAX_DECISIONS: Final = 20
SAME_PERSON_AFTER: Final = timedelta(days=7)
"""After so long in the queue, the person who decided may be the one who looks a second time."""
MAY_LOOK: Final = "(attribute_not_exists(second_not) OR second_not <> :by OR state_since < :long_ago)"
"""The condition of who may look at an image: nobody checks a decision of his own, unless nobody else did for long."""
FIELDS: Final = (
    "image_key",
    "etag",
    "version_id",
    "size",
    "state_shard",
    "state_since",
    "finished_at",
    "decision",
    "decisions",
    "lease_by",
    "lease_until",
    "second_look",
    "second_looks",
)
"""The attributes of a claim that are read before a decision."""
VERDICT_FIELDS: Final = ("outcome", "label", "confidence")
"""Those that are read only after it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the model said about an image; a field is None where the claim has none."""

    outcome: str | None
    label: str | None
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """
    A person's decision about an image.

    Attributes
    ----------
    id
        32 hexadecimal digits: written twice, it is one decision.
    by
        ARN of the reviewer, as STS names the credentials.
    at
        AWS's time: UTC, RFC 3339, milliseconds, Z.
    took_ms
        For how long the reviewer looked at the image.
    replaces
        The id of the decision that it corrects or undoes.
    """

    image: ReviewImage
    id: str
    label: str
    by: str
    at: str
    took_ms: int
    replaces: str | None = None

    def as_attribute(self) -> dict[str, Any]:
        """Return it as DynamoDB stores it in `decisions`."""
        fields = {
            "id": {"S": self.id},
            "label": {"S": self.label},
            "by": {"S": self.by},
            "at": {"S": self.at},
            "took_ms": {"N": str(self.took_ms)},
        }
        return {"M": fields | ({"replaces": {"S": self.replaces}} if self.replaces else {})}


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision that a claim has; `model_said` is there once it is recorded."""

    id: str
    label: str
    by: str
    at: str
    took_ms: int
    replaces: str | None
    model_said: Verdict | None

    @classmethod
    def parse(cls, attribute: Mapping[str, Any]) -> Self:
        """Read an element of `decisions`."""
        fields = attribute["M"]
        said = fields.get("model_said", {}).get("M")
        return cls(
            id=fields["id"]["S"],
            label=fields["label"]["S"],
            by=fields["by"]["S"],
            at=fields["at"]["S"],
            took_ms=int(fields["took_ms"]["N"]),
            replaces=fields.get("replaces", {}).get("S"),
            model_said=None if said is None else _verdict(said),
        )


@dataclass(frozen=True, slots=True)
class ReviewedClaim:
    """
    A claim as far as a decision concerns it; all empty where there is no claim.

    Attributes
    ----------
    state_shard
        `person#n` waits, `record#n` is decided and not recorded, `open#n` has no outcome; None otherwise.
    decision
        Id of the decision that counts.
    second_look
        Whether it waits for a second person, who is shown it as if nobody had decided.
    looks
        The second looks.
    """

    state_shard: str | None
    finished_at: str | None
    decision: str | None
    entries: tuple[Entry, ...]
    version_id: str | None
    size: int
    verdict: Verdict
    second_look: bool = False
    looks: tuple[Entry, ...] = ()

    @classmethod
    def parse(cls, item: Mapping[str, Any]) -> Self:
        """Read an item of the table, or what a projection left of it."""
        return cls(
            state_shard=_text(item, "state_shard"),
            finished_at=_text(item, "finished_at"),
            decision=_text(item, "decision"),
            entries=tuple(Entry.parse(entry) for entry in item.get("decisions", {}).get("L", [])),
            version_id=_text(item, "version_id"),
            size=int(item.get("size", {}).get("N", 0)),
            verdict=_verdict(item),
            second_look=item.get("second_look", {}).get("BOOL", False),
            looks=tuple(Entry.parse(look) for look in item.get("second_looks", {}).get("L", [])),
        )

    def has(self, decision_id: str) -> bool:
        """Tell whether a decision was written, even if another one has replaced it since."""
        return (
            decision_id == self.decision
            or any(entry.id == decision_id for entry in self.entries)
            or self.is_second_look(decision_id)
        )

    def is_second_look(self, decision_id: str) -> bool:
        """Tell whether a decision stands beside another one, as a second look."""
        return any(look.id == decision_id for look in self.looks)

    def is_in(self, state: str) -> bool:
        """Tell whether it is in a state of the index: `open`, `person` or `record`."""
        return (self.state_shard or "").startswith(f"{state}#")

    def model_said(self, decision_id: str) -> Verdict:
        """Return the verdict that a decision was about; one that is recorded keeps it, for the claim is overwritten."""
        by_id = {entry.id: entry for entry in self.entries}
        looked_for = self.decision if self.is_second_look(decision_id) else decision_id
        while looked_for in by_id:
            entry = by_id.pop(looked_for)
            if entry.model_said:
                return entry.model_said
            looked_for = entry.replaces
        return self.verdict


def may_look_values(by: str, at: datetime) -> dict[str, Any]:
    """Return the values of `MAY_LOOK` for a person at a time."""
    return {":by": {"S": by}, ":long_ago": {"S": time_text(at - SAME_PERSON_AFTER)}}


def _verdict(fields: Mapping[str, Any]) -> Verdict:
    confidence = fields.get("confidence", {}).get("N")
    return Verdict(
        outcome=_text(fields, "outcome"),
        label=_text(fields, "label"),
        confidence=None if confidence is None else float(confidence),
    )


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    text: str | None = fields.get(name, {}).get("S")
    return text
