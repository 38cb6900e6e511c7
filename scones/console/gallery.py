"""What the Live page shows of images: rows of the index by_time, and of a claim, as the browser gets them.

Of an image that waits for a person, nothing that the model said is in a row (`scones.blinding`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from scones.blinding import BlindList, hides_verdict
from scones.claims import Claim
from scones.console.page import image_query, preview_url
from scones.console.previews import ImageRef, PreviewSize
from scones.console.state import OpenCloud
from scones.index import Ended, Position, Where, ended
from scones.result_documents import Outcome

PAGE: Final = 60
MOST_UNITS: Final = 200.0
"""Read units for a page, of which a rare label may need many: a hundredth of a cent."""
_PICTURED: Final = frozenset({Outcome.PASSED, Outcome.REVIEW, Outcome.REVIEWED})


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """Rows, the newest first, and where the next page starts; None at the end."""

    rows: Sequence[Mapping[str, Any]]
    after: Position | None


def read_page(
    cloud: OpenCloud, outcomes: Sequence[Outcome], label: str | None, after: Position | None, size: int = PAGE
) -> GalleryPage:
    """Read a page of the gallery.

    Parameters
    ----------
    label
        Only images that have this label.
    after
        Position of the last row of the page before.
    """
    where = None
    if label:
        outcomes = [outcome for outcome in outcomes if outcome is not Outcome.REVIEW]  # all of them wait
        where = Where("#label = :label", {"#label": "label"}, {":label": {"S": label}})
    if not outcomes:
        return GalleryPage([], None)
    reading = ended(
        cloud.dynamodb,
        cloud.stack.claims_table,
        outcomes,
        where=where,
        after=after,
        wanted=size,
        budget=MOST_UNITS,
    )
    found = list(islice(reading, size))
    more = len(found) == size or reading.is_cut_short
    last = found[-1].position if found else None
    if reading.is_cut_short and reading.reached:
        last = (reading.reached, "", "")
    shown = BlindList(cloud.dynamodb, cloud.stack.claims_table, outcomes, by_verdict=bool(label))
    prefix = cloud.stack.incoming_prefix
    return GalleryPage([row_of_ended(one, prefix) for one in shown.rows(found)], last if more else None)


def row_of_ended(one: Ended, prefix: str) -> Mapping[str, Any]:
    """Return the row of an item of the index, of a `BlindList`."""
    image = ImageRef(one.image_key, one.etag, one.version_id)
    return _row(image, prefix, one.outcome, one.finished_at, (one.label, one.confidence, one.reason))


def row_of_claim(image: ImageRef, claim: Claim, prefix: str) -> Mapping[str, Any] | None:
    """Return the row of an image by its claim; None while it has no outcome."""
    if not (claim.outcome and claim.finished_at):
        return None
    outcome = Outcome.REVIEW if hides_verdict(claim) else claim.outcome
    return _row(image, prefix, outcome, claim.finished_at, (claim.label, claim.confidence, claim.reason))


def _row(
    image: ImageRef,
    prefix: str,
    outcome: Outcome,
    finished_at: str,
    said: tuple[str | None, float | None, str | None],
) -> Mapping[str, Any]:
    label, confidence, reason = (None, None, None) if outcome is Outcome.REVIEW else said
    return {
        "id": image.id,
        "name": image.key.removeprefix(prefix),
        "outcome": str(outcome),
        "label": label,
        "confidence": confidence,
        "reason": reason,
        "finished_at": finished_at,
        # What was rejected cannot be decoded, as a rule, and is never rendered.
        "thumb": preview_url(image, PreviewSize.THUMB) if outcome in _PICTURED else None,
        "page": f"/image?{image_query(image)}",
    }
