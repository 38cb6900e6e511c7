"""The baseline of the comparison: predictions and image statistics of a period without problems."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from training.monitoring.observations import Observations

SCHEMA_VERSION = "1"
EVALUATION, PRODUCTION = "evaluation", "production"
FILE_NAME = "baseline.json"
_COMPARABLE = ("confidence", "review", "brightness", "contrast")
_MAX_VALUES = 501
_HISTOGRAM_BINS = 20
_DIGITS = 6


class BaselineError(TrainingError):
    """The file of the baseline cannot be used."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of numbers: their count, and if there are many, their quantiles at equal steps."""

    count: int
    values: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray) -> Self:
        """Keep at most _MAX_VALUES of the numbers."""
        if len(numbers) <= _MAX_VALUES:
            return cls(len(numbers), np.sort(numbers))
        steps = np.linspace(0, 1, _MAX_VALUES)
        return cls(len(numbers), np.quantile(numbers, steps, method="inverted_cdf"))


@dataclass(frozen=True, slots=True)
class Baseline:
    """The distributions to compare with.

    Attributes
    ----------
    origin
        EVALUATION or PRODUCTION.
    version, labels, input_size
        Of the model.
    threshold
        Lowest confidence that passed.
    samples
        Confidence and the images' statistics.
    categories
        Counts of passed and review, and of each label.
    """

    origin: str
    version: str | None
    labels: tuple[str, ...]
    input_size: int
    threshold: float
    samples: dict[str, Sample]
    categories: dict[str, dict[str, int]]

    def judges(self, feature: str) -> bool:
        """Whether a difference in the feature counts as drift.

        The label shares of evaluation images were chosen, and all have one size: in these two features, production
        differs from them although nothing is wrong.
        """
        return self.origin == PRODUCTION or feature in _COMPARABLE

    def to_json(self) -> dict[str, Any]:
        """Return the content of the file."""
        confidence = self.samples["confidence"].values
        counts, edges = np.histogram(confidence, _HISTOGRAM_BINS, (0, 1))
        return {
            "schema_version": SCHEMA_VERSION,
            "origin": self.origin,
            "model": {"version": self.version, "labels": self.labels, "input_size": self.input_size},
            "threshold": self.threshold,
            "categories": self.categories,
            "confidence_histogram": {
                "edges": edges.round(_DIGITS).tolist(),
                "shares": (counts / max(1, len(confidence))).round(_DIGITS).tolist(),
            },
            "samples": {
                name: {
                    "count": sample.count,
                    "mean": round(float(sample.values.mean()), _DIGITS),
                    "values": sample.values.round(_DIGITS).tolist(),
                }
                for name, sample in self.samples.items()
            },
        }


def make_baseline(
    observations: Observations, origin: str, model: tuple[str | None, tuple[str, ...], int], threshold: float
) -> Baseline:
    """Return a baseline of these observations; `model` is its version, labels and input size.

    Raises
    ------
    BaselineError
        There are no observations.
    """
    if not len(observations):
        raise BaselineError("there are no predictions for a baseline")
    samples = {name: Sample.of(numbers) for name, numbers in observations.numbers() if len(numbers)}
    version, labels, input_size = model
    return Baseline(origin, version, labels, input_size, threshold, samples, observations.categories())


def save(baseline: Baseline, path: Path) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(baseline.to_json()) + "\n", encoding="utf-8")


def load(path: Path) -> Baseline:
    """Read the file.

    Raises
    ------
    BaselineError
        It is missing or not a baseline.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise BaselineError(f"{path}: schema version {content['schema_version']}, not {SCHEMA_VERSION}")
        model = content["model"]
        return Baseline(
            content["origin"],
            model["version"],
            tuple(model["labels"]),
            int(model["input_size"]),
            float(content["threshold"]),
            {name: _sample(stored) for name, stored in content["samples"].items()},
            {name: dict(counts) for name, counts in content["categories"].items()},
        )
    except OSError as error:
        raise BaselineError(f"{path}: {error.strerror or error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BaselineError(f"{path}: not a baseline ({type(error).__name__}: {error})") from error


def _sample(stored: dict[str, Any]) -> Sample:
    values = np.array(stored["values"], np.float64)
    if not values.size or values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("a sample without numbers")
    return Sample(int(stored["count"]), values)
