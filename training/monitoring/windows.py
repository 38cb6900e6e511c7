"""Observations over time: the same statistics for windows of a length that fits the range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from training.monitoring.observations import Observations

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_LENGTHS_S = (
    *(_MINUTE * minutes for minutes in (1, 5, 15)),
    *(_HOUR * hours for hours in (1, 3, 6, 12)),
    *(_DAY * days for days in (1, 7, 28)),
)
_MOST_WINDOWS = 48


@dataclass(frozen=True, slots=True)
class Window:
    """A window of time with at least one prediction.

    Attributes
    ----------
    start, middle
        Its start and its middle.
    images
        Predictions in it.
    review
        Number of images sent to review.
    confidence
        Their 10th, 50th and 90th percentile.
    labels
        Number of images of each label.
    """

    start: datetime
    middle: datetime
    images: int
    review: int
    confidence: tuple[float, float, float]
    labels: dict[str, int]


def window_length_s(times: np.ndarray) -> int:
    """Return the shortest length with which at most _MOST_WINDOWS windows cover the times."""
    span = float(times.max() - times.min()) if len(times) else 0.0
    return next((length for length in _LENGTHS_S if span <= _MOST_WINDOWS * length), _LENGTHS_S[-1])


def windows(observations: Observations) -> list[Window]:
    """Return the windows in order, without empty ones."""
    times = observations.times
    length = window_length_s(times)
    slots = (times // length).astype(np.int64)
    confidence = dict(observations.numbers())["confidence"]
    found = []
    for slot in np.unique(slots):
        inside = slots == slot
        counts = np.bincount(observations.labels[inside], minlength=len(observations.label_names))
        low, middle, high = np.percentile(confidence[inside], (10, 50, 90))
        found.append(
            Window(
                datetime.fromtimestamp(int(slot) * length, UTC),
                datetime.fromtimestamp((int(slot) + 0.5) * length, UTC),
                int(inside.sum()),
                int((~observations.passed[inside]).sum()),
                (float(low), float(middle), float(high)),
                dict(zip(observations.label_names, counts.tolist(), strict=True)),
            )
        )
    return found
