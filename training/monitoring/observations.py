"""Predictions from any source: captures, result documents or the evaluation."""

from __future__ import annotations

import math
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PASSED, REVIEW = "passed", "review"


@dataclass(frozen=True, slots=True)
class Observation:
    """One image.

    Attributes
    ----------
    time
        Seconds since 1970, UTC; NaN if irrelevant.
    outcome
        "passed" or "review"; anything else had no prediction, and label and confidence are None.
    label, confidence
        The most probable class and its probability.
    inputs
        Statistics of the image by name, see training.monitoring.image_statistics.
    model_version
        Of the model that predicted; None if the record does not state it.
    """

    time: float
    outcome: str
    label: str | None = None
    confidence: float | None = None
    inputs: Mapping[str, float] = field(default_factory=dict)
    model_version: str | None = None


class Observations:
    """Many observations, in columns of a few bytes each, so that millions fit."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.model_versions: Counter[str] = Counter()
        self.label_names: list[str] = []
        self._time, self._confidence = array("d"), array("d")
        self._label, self._passed = array("l"), array("b")
        self._inputs: dict[str, array[float]] = {}

    def __len__(self) -> int:
        """Return the number of predictions; images without one are only in `outcomes`."""
        return len(self._time)

    def add(self, observation: Observation) -> None:
        """Add an observation."""
        self.outcomes[observation.outcome] += 1
        if observation.label is None or observation.confidence is None:
            return
        if observation.model_version:
            self.model_versions[observation.model_version] += 1
        if observation.label not in self.label_names:
            self.label_names.append(observation.label)
        for name in observation.inputs.keys() - self._inputs.keys():
            self._inputs[name] = array("d", [math.nan]) * len(self)
        for name, column in self._inputs.items():
            column.append(observation.inputs.get(name, math.nan))
        self._time.append(observation.time)
        self._confidence.append(observation.confidence)
        self._label.append(self.label_names.index(observation.label))
        self._passed.append(observation.outcome == PASSED)

    @property
    def times(self) -> np.ndarray:
        """Seconds since 1970 [N]."""
        return np.array(self._time)

    @property
    def labels(self) -> np.ndarray:
        """Positions in `label_names` [N]."""
        return np.array(self._label, np.int64)

    @property
    def passed(self) -> np.ndarray:
        """Whether the image passed without a review [N]."""
        return np.array(self._passed, bool)

    def numbers(self) -> Iterator[tuple[str, np.ndarray]]:
        """Yield confidence and each statistic of the images by name, without the missing values."""
        yield "confidence", np.array(self._confidence)
        for name in sorted(self._inputs):
            column = np.array(self._inputs[name])
            yield name, column[~np.isnan(column)]

    def categories(self) -> dict[str, dict[str, int]]:
        """Return the number of reviews and the number of images of each label."""
        passed = int(self.passed.sum())
        counts = np.bincount(self.labels, minlength=len(self.label_names)).tolist()
        return {
            "review": {PASSED: passed, REVIEW: len(self) - passed},
            "label": dict(zip(self.label_names, counts, strict=True)),
        }
