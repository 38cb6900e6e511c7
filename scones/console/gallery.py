"""What the Live page shows of images: rows of the index by_time, and of a claim, as the browser gets them.

Of an image that waits for a person, nothing that the model said is in a row (`scones.blinding`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from scones.blinding import QUEUED, BlindList
from scones.claims import Claim
from scones.console.page import image_query, preview_url
from scones.console.previews import ImageRef, PreviewSize
from scones.console.state import OpenCloud
from scones.index import Ended, Position, Where, ended, in_state
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
    dynamodb, table = cloud.dynamodb, cloud.stack.claims_table
    shown = BlindList(dynamodb, table, outcomes, by_verdict=bool(label))
    where = Where("#label = :label", {"#label": "label"}, {":label": {"S": label}}) if label else None
    reading = ended(dynamodb, table, shown.indexed, where=where, after=after, wanted=size, budget=MOST_UNITS)
    if shown.has_queue:
        queue = in_state(dynamodb, table, *QUEUED, newest_first=True, after=after, wanted=size)
        rows = shown.rows_and_queue(reading, queue)
    else:
        rows = shown.rows(reading)
    found = list(islice(rows, size))
    # The next page begins after a row that is shown: another one's key would tell that it is left out.
    last = found[-1].position if len(found) == size else None
    if reading.is_cut_short and reading.reached and not last:
        found = [one for one in found if one.finished_at >= reading.reached]
        last = (reading.reached, "", "")
    return GalleryPage([row_of_ended(one, cloud.stack.incoming_prefix) for one in found], last)


def row_of_ended(one: Ended, prefix: str) -> Mapping[str, Any]:
    """Return the row of an item of the index, of a `BlindList`."""
    image = ImageRef(one.image_key, one.etag, one.version_id)
    return _row(image, prefix, one.outcome, one.finished_at, (one.label, one.confidence, one.reason))


def row_of_claim(image: ImageRef, claim: Claim, prefix: str) -> Mapping[str, Any] | None:
    """Return the row of an image by its claim; None while it has no outcome."""
    if not (claim.outcome and claim.finished_at):
        return None
    outcome = Outcome.REVIEW if claim.hides_verdict else claim.outcome
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
