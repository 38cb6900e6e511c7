"""What the deployed models said about images, and what people said: read from the index and the claims."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING, Any, Final, Self

from scones.claims import read_items
from scones.decisions.decision import CANNOT_TELL, GONE, UNDONE, ReviewedClaim
from scones.index import Ended, Reading, ended
from scones.result_documents import Outcome, is_verification_image
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CLASSIFIED: Final = (Outcome.PASSED, Outcome.REVIEW, Outcome.REVIEWED)
_NO_LABEL: Final = frozenset({CANNOT_TELL, GONE, UNDONE})
_BELOW: Final = "is below the threshold"
"""What the workflow's reason says of an image that waits for its confidence alone."""
_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class StoredVerdict:
    """
    A classified image, with the verdict of the model that was deployed then.

    Attributes
    ----------
    at
        When it got its outcome: UTC, RFC 3339.
    label, confidence, passed
        The model's verdict, whatever a person made of the image since.
    is_held
        Whether it waits for another reason than its confidence, so that no threshold changes its outcome.
    person
        What a person says it shows: a label or `neither`; None while nobody has, or nobody could tell.
    u
        The fraction of the audit's draw; None where it was not drawn.
    """

    image_key: str
    etag: str
    at: str
    label: str
    confidence: float
    passed: bool
    is_held: bool
    model_version: str | None
    version_id: str | None
    size: int
    person: str | None = None
    u: float | None = None

    @classmethod
    def of_index(cls, one: Ended) -> Self | None:
        """Read it from the index alone; None for an image without a verdict."""
        if one.label is None or one.confidence is None:
            return None
        return cls(
            image_key=one.image_key,
            etag=one.etag,
            at=one.finished_at,
            label=one.label,
            confidence=one.confidence,
            passed=one.outcome is Outcome.PASSED,
            is_held=one.outcome is Outcome.REVIEW and one.reason is not None and _BELOW not in one.reason,
            model_version=one.model_version,
            version_id=one.version_id,
            size=one.size or 0,
        )

    @classmethod
    def of_claim(cls, one: Ended, item: Mapping[str, Any]) -> Self | None:
        """Read it from the index and the claim; None for an image without a verdict."""
        claim = ReviewedClaim.parse(item)
        last = claim.entries[-1] if claim.entries else None
        decided = next((entry for entry in claim.entries if entry.id == claim.decision), last)
        said = claim.model_said(decided.id) if decided else claim.verdict
        if said.label is None or said.confidence is None:
            return None
        u = item.get("draw", {}).get("M", {}).get("u", {}).get("N")
        return cls(
            image_key=one.image_key,
            etag=one.etag,
            at=one.finished_at,
            label=said.label,
            confidence=said.confidence,
            passed=said.outcome == Outcome.PASSED,
            is_held=one.outcome is Outcome.REVIEW and one.reason is not None and _BELOW not in one.reason,
            model_version=one.model_version,
            version_id=one.version_id,
            size=one.size or claim.size,
            person=None if decided is None or decided.label in _NO_LABEL else decided.label,
            u=None if u is None else float(u),
        )

    def would_pass(self, thresholds: Mapping[str, float]) -> bool:
        """Tell whether it would pass with these thresholds by label."""
        return not self.is_held and self.confidence >= thresholds[self.label]


@dataclass(slots=True)
class StoredVerdicts:
    """
    The classified images between two times, the newest first; iterate over it once.

    Attributes
    ----------
    wants_claim
        Whose claims are read too, beside those of reviewed images, of which the index has the person's label alone.
    without_verdict
        Images left out so far: no verdict is known, or its label is not one of the stack's any more.
    """

    dynamodb: "DynamoDBClient"
    stack: Stack
    since: datetime | None
    until: datetime | None
    wants_claim: Callable[[StoredVerdict], bool] = lambda _: True
    without_verdict: int = 0

    def __iter__(self) -> Iterator[StoredVerdict]:
        """Yield them; images of `scones verify` are left out."""
        reading: Reading[Ended] = ended(
            self.dynamodb, self.stack.claims_table, CLASSIFIED, self.since, self.until
        )
        with closing(iter(reading)) as images:
            wanted = (one for one in images if not is_verification_image(one.image_key))
            for batch in batched(wanted, _BATCH, strict=False):
                for verdict in self._verdicts(batch):
                    if verdict is None or verdict.label not in self.stack.labels:
                        self.without_verdict += 1
                    else:
                        yield verdict

    def _verdicts(self, batch: tuple[Ended, ...]) -> Iterator[StoredVerdict | None]:
        names = [(one.image_key, one.etag) for one in batch if self._needs_claim(one)]
        items = read_items(self.dynamodb, self.stack.claims_table, names) if names else {}
        for one in batch:
            item = items.get((one.image_key, one.etag))
            if item is not None:
                yield StoredVerdict.of_claim(one, item)
            else:
                yield None if one.outcome is Outcome.REVIEWED else StoredVerdict.of_index(one)

    def _needs_claim(self, one: Ended) -> bool:
        if one.outcome is Outcome.REVIEWED:
            return True
        verdict = StoredVerdict.of_index(one)
        return verdict is not None and verdict.label in self.stack.labels and self.wants_claim(verdict)
