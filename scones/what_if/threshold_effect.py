"""What other thresholds would have made of images that are classified: nothing is classified again."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scones.what_if.stored_verdicts import StoredVerdict


@dataclass(slots=True)
class Moved:
    """Images whose outcome would change in one direction, and how right the model was about those with a label."""

    images: int = 0
    labelled: int = 0
    right: int = 0

    def add(self, verdict: StoredVerdict) -> None:
        """Count an image; a person's `neither` makes every label wrong."""
        self.images += 1
        self.labelled += verdict.person is not None
        self.right += verdict.person == verdict.label

    def as_document(self) -> dict[str, int]:
        """Return its part of `scones what-if --json`."""
        return {"images": self.images, "labelled": self.labelled, "right": self.right}


@dataclass(slots=True)
class ThresholdEffect:
    """
    Counts of what thresholds would change, and the newest images that they would change.

    Attributes
    ----------
    thresholds
        By label.
    most_changes
        How many changed images are kept; None for all.
    reviews_then, reviews_now
        Images that went to a person, and those that would.
    """

    thresholds: Mapping[str, float]
    most_changes: int | None = None
    images: int = 0
    reviews_then: int = 0
    reviews_now: int = 0
    to_review: Moved = field(default_factory=Moved)
    to_passed: Moved = field(default_factory=Moved)
    changes: list[StoredVerdict] = field(default_factory=list)

    def changes_outcome(self, verdict: StoredVerdict) -> bool:
        """Tell whether an image would have another outcome."""
        return verdict.would_pass(self.thresholds) != verdict.passed

    def add(self, verdict: StoredVerdict) -> None:
        """Count an image."""
        self.images += 1
        self.reviews_then += not verdict.passed
        self.reviews_now += not verdict.would_pass(self.thresholds)
        if not self.changes_outcome(verdict):
            return
        (self.to_review if verdict.passed else self.to_passed).add(verdict)
        if self.most_changes is None or len(self.changes) < self.most_changes:
            self.changes.append(verdict)

    def as_document(self) -> dict[str, Any]:
        """Return its part of `scones what-if --json`."""
        return {
            "thresholds": dict(self.thresholds),
            "images": self.images,
            "reviews": {"then": self.reviews_then, "now": self.reviews_now},
            "to_review": self.to_review.as_document(),
            "to_passed": self.to_passed.as_document(),
            "changes": [
                {
                    "key": one.image_key,
                    "etag": one.etag,
                    "finished_at": one.at,
                    "label": one.label,
                    "confidence": one.confidence,
                    "passed": one.passed,
                    "would_pass": not one.passed,
                    "person": one.person,
                }
                for one in self.changes
            ],
        }
