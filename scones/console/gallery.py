"""What the Live page shows of images: rows of the index by_time, and of a claim, as the browser gets them.

Of an image that waits for a person, nothing that the model said is in a row: whoever decides must not know it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

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
        Only images that have this label; those that wait for a person are left out then, for it is the model's.
    after
        Position of the last row of the page before.
    """
    where = None
    if label:
        outcomes = [outcome for outcome in outcomes if outcome is not Outcome.REVIEW]
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
    prefix = cloud.stack.incoming_prefix
    return GalleryPage([row_of_ended(one, prefix) for one in found], last if more else None)


def row_of_ended(one: Ended, prefix: str) -> Mapping[str, Any]:
    """Return the row of an item of the index."""
    image = ImageRef(one.image_key, one.etag, one.version_id)
    return _row(image, prefix, one.outcome, one.finished_at, (one.label, one.confidence, one.reason))


def row_of_claim(image: ImageRef, claim: Claim, prefix: str) -> Mapping[str, Any] | None:
    """Return the row of an image by its claim; None while it has no outcome."""
    if not (claim.outcome and claim.finished_at):
        return None
    said = (claim.label, claim.confidence, claim.reason)
    return _row(image, prefix, claim.outcome, claim.finished_at, said)


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
