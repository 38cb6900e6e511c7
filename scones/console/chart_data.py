"""What the Charts page counts: outcomes over time, confidences, latency and what waits; each says what it is about."""

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import batched, islice
from typing import Any, Final

from scones.blinding import as_shown
from scones.console.state import OpenCloud
from scones.decisions.decision import CANNOT_TELL, GONE, ReviewedClaim
from scones.index import Ended, ended, in_state
from scones.result_documents import Outcome, fetch, is_verification_image, result_key

READ_BUDGET: Final = 300.0
"""Read units for the images of a page: some 10,000 images, for $0.00004."""
MOST_READ_BUDGET: Final = 10 * READ_BUDGET
_DECIDED: Final = 400
_TIMED: Final = 100
_BATCH, _ROUNDS, _THREADS = 100, 4, 16
_Z: Final = 1.959964
"""Quantile of the normal distribution for an interval of 95 %."""
LATENCY_EDGES_S: Final = (0.5, 1, 2, 5, 10, 30, 60, 300)
AGE_EDGES_H: Final = (1, 4, 12, 24, 72, 168)


@dataclass(frozen=True, slots=True)
class Period:
    """A length of time, and the step of its bars."""

    name: str
    length: timedelta
    step: timedelta


PERIODS: Final = (
    Period("hour", timedelta(hours=1), timedelta(minutes=2)),
    Period("day", timedelta(days=1), timedelta(hours=1)),
    Period("week", timedelta(weeks=1), timedelta(hours=6)),
    Period("month", timedelta(days=30), timedelta(days=1)),
)


@dataclass(frozen=True, slots=True)
class EndedImages:
    """
    The images that got an outcome in a period, the newest first, without those of `scones verify`.

    Attributes
    ----------
    since
        From when on they are complete: later than the period's start where the budget was used up.
    units
        Read units that they cost.
    """

    images: Sequence[Ended]
    since: datetime
    until: datetime
    units: float
    is_cut_short: bool


def read_ended(cloud: OpenCloud, period: Period, now: datetime, budget: float) -> EndedImages:
    """Read the index by_time for a period."""
    since = now - period.length
    reading = ended(
        cloud.dynamodb,
        cloud.stack.claims_table,
        since=since,
        fields=("label", "confidence", "model_version"),
        budget=budget,
    )
    images = [one for one in reading if not is_verification_image(one.image_key)]
    if reading.is_cut_short and reading.reached:
        since = datetime.fromisoformat(reading.reached)
    return EndedImages(images, since, now, reading.units, reading.is_cut_short)


def throughput(
    found: EndedImages, period: Period
) -> tuple[Sequence[datetime], Mapping[Outcome, Sequence[int]]]:
    """Count outcomes in the steps of a period; return where each step starts, and its counts by outcome."""
    step = period.step.total_seconds()
    last = math.floor(found.until.timestamp() / step)
    first = last - round(period.length / period.step) + 1
    counts = {outcome: [0] * (last - first + 1) for outcome in Outcome}
    for image in found.images:
        at = math.floor(datetime.fromisoformat(image.finished_at).timestamp() / step) - first
        if 0 <= at <= last - first:
            counts[image.outcome][at] += 1
    starts = [datetime.fromtimestamp(number * step, UTC) for number in range(first, last + 1)]
    return starts, counts


def shares(found: EndedImages) -> Sequence[tuple[Outcome, int, float]]:
    """Return each outcome with its images and their share."""
    counts = Counter(image.outcome for image in found.images)
    whole = max(1, counts.total())
    return [(outcome, counts[outcome], counts[outcome] / whole) for outcome in Outcome]


def confidences(found: EndedImages, bins: int) -> Mapping[Outcome, Sequence[int]]:
    """Count confidences in bins of equal width from 0 to 1, by outcome; 1.0 is in the last bin."""
    counts = {outcome: [0] * bins for outcome in (Outcome.PASSED, Outcome.REVIEW, Outcome.REVIEWED)}
    for image in found.images:
        if image.confidence is not None and image.outcome in counts:
            counts[image.outcome][min(bins - 1, int(image.confidence * bins))] += 1
    return counts


@dataclass(frozen=True, slots=True)
class AtThreshold:
    """What a threshold would do: images that pass, and of those that people decided about, how many were right."""

    threshold: float
    passes: int
    decided: int
    right: int
    low: float | None
    high: float | None


def at_thresholds(
    found: EndedImages, decided: Iterable[tuple[float, bool]], steps: int = 100
) -> Sequence[AtThreshold]:
    """Try thresholds from 0 to 1."""
    ordered = sorted(image.confidence for image in found.images if image.confidence is not None)
    judged = sorted(decided)
    rows = []
    for number in range(steps + 1):
        threshold = number / steps
        above = judged[bisect_left(judged, (threshold, False)) :]
        right = sum(is_right for _, is_right in above)
        low, high = wilson(right, len(above)) if above else (None, None)
        passes = len(ordered) - bisect_left(ordered, threshold)
        rows.append(AtThreshold(threshold, passes, len(above), right, low, high))
    return rows


def wilson(right: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American
    Statistical Association 22 (1927), 209-212. It holds for few observations and for shares near 0 or 1.
    """
    share, spread = right / of, _Z**2 / of
    centre = (share + spread / 2) / (1 + spread)
    half = _Z * math.sqrt(share * (1 - share) / of + spread / (4 * of)) / (1 + spread)
    return max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half))  # whatever was rounded


def read_decided(cloud: OpenCloud, found: EndedImages) -> Sequence[tuple[float, bool]]:
    """Return for the newest decided images the model's confidence, and whether its label was the person's.

    `neither` makes every label wrong. What a person could not tell, or what was deleted, says nothing of the model.
    """
    reviewed = [
        (one.image_key, one.etag)
        for one in islice(
            (
                one
                for one in found.images
                if one.outcome is Outcome.REVIEWED and one.label not in {CANNOT_TELL, GONE}
            ),
            _DECIDED,
        )
    ]
    with ThreadPoolExecutor(_THREADS) as pool:
        batches = list(
            pool.map(lambda keys: _read_items(cloud, keys), batched(reviewed, _BATCH, strict=False))
        )
    pairs = []
    for item in (item for items in batches for item in items):
        claim = ReviewedClaim.parse(item)
        if claim.decision is None:
            continue
        said = claim.model_said(claim.decision)
        if said.label is not None and said.confidence is not None:
            pairs.append((said.confidence, said.label == claim.verdict.label))
    return pairs


def _read_items(cloud: OpenCloud, names: Sequence[tuple[str, str]]) -> Sequence[Mapping[str, Any]]:
    """Read claims; those that the table does not return while it is throttled are left out."""
    table, items = cloud.stack.claims_table, []
    request: Mapping[str, Any] = {
        table: {"Keys": [{"image_key": {"S": key}, "etag": {"S": etag}} for key, etag in names]}
    }
    for _ in range(_ROUNDS):
        answer = cloud.dynamodb.batch_get_item(RequestItems=request)
        items += answer["Responses"].get(table, [])
        request = answer.get("UnprocessedKeys") or {}
        if not request:
            break
    return items


def read_latencies(cloud: OpenCloud, found: EndedImages) -> Sequence[float]:
    """Return the seconds from the start of an execution to its outcome, of the newest images, in ascending order."""
    timed = islice((one for one in found.images if one.outcome is not Outcome.REVIEWED), _TIMED)

    def seconds(one: Ended) -> float | None:
        key = result_key(one.outcome, one.label, one.image_key, one.etag)
        document = fetch(cloud.s3, cloud.stack.results_bucket, key)
        if document is None:
            return None
        start, end = (
            datetime.fromisoformat(document.content[name]) for name in ("started_at", "finished_at")
        )
        return max(0.0, (end - start).total_seconds())

    with ThreadPoolExecutor(_THREADS) as pool:
        return sorted(one for one in pool.map(seconds, timed) if one is not None)


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Queue:
    """
    The images that wait for a person: their ages, and their keys and ETags; more may wait than were read.

    Attributes
    ----------
    since
        Since when the oldest one waits.
    """

    ages_h: Sequence[float]
    names: frozenset[tuple[str, str]]
    is_complete: bool
    since: str | None = None


def read_queue(cloud: OpenCloud, now: datetime, budget: float = READ_BUDGET) -> Queue:
    """Read since when images wait, the oldest first."""
    reading = in_state(cloud.dynamodb, cloud.stack.claims_table, "person", budget=budget)
    with closing(iter(reading)) as waiting:
        images = list(waiting)
    ages = [(now - datetime.fromisoformat(one.since)) / timedelta(hours=1) for one in images]
    names = frozenset((one.image_key, one.etag) for one in images)
    since = images[0].since if images else None
    return Queue([max(0.0, age) for age in ages], names, not reading.is_cut_short, since)


def blinded(cloud: OpenCloud, found: EndedImages, queue: Queue) -> EndedImages:
    """Return the images as they may be counted (`scones.blinding`): none where more wait than were read."""
    if not queue.is_complete:
        return replace(found, images=[])
    table = cloud.stack.claims_table
    return replace(found, images=list(as_shown(cloud.dynamodb, table, found.images, queue.names)))


def before_waiting(shown: EndedImages, queue: Queue) -> EndedImages:
    """
    Return the images that ended before the oldest one that waits arrived, for a comparison.

    A comparison without what waits would be of sure images, because others wait more often. So it is of a time in which
    all are decided, but for those of a second look.
    """
    images = [
        one
        for one in shown.images
        if one.confidence is not None and (queue.since is None or one.finished_at < queue.since)
    ]
    return replace(shown, images=images)


def binned(values: Iterable[float], edges: Sequence[float]) -> Sequence[int]:
    """Count values below each edge, and those above all; a value on an edge is above it."""
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(edge <= value for edge in edges)] += 1
    return counts
