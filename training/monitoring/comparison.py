"""Comparison of production with the baseline, feature by feature, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from training.monitoring import drift

if TYPE_CHECKING:
    from training.monitoring.baseline import Baseline, Sample
    from training.monitoring.observations import Observations

MIN_SAMPLES = 50
RULE = (
    "A feature has drifted when its population stability index (ten bins: of equal share of the baseline, for "
    f"confidence of equal width) is above {drift.PSI_DRIFT} and above what samples of these sizes exceed by chance "
    "once in a hundred times, and, for numbers, the two-sample Kolmogorov-Smirnov test gives chance less than "
    f"{drift.CHANCE}."
)
# Half of all confidences are above 0.99: bins of equal share would put 0.998 and 0.999 into different bins.
_CONFIDENCE_EDGES = np.arange(1, 10) / 10


class Verdict(StrEnum):
    """Verdict of a comparison."""

    STEADY = "no drift"
    DRIFT = "drift"
    UNKNOWN = "not judged"


@dataclass(frozen=True, slots=True)
class Finding:
    """The comparison of one feature; if it is only reported, `drifted` is None and `note` says why."""

    feature: str
    baseline: float | dict[str, float]
    now: float | dict[str, float]
    count: int
    psi: float
    psi_limit: float
    ks: float | None
    ks_chance: float | None
    drifted: bool | None
    note: str = ""

    def __str__(self) -> str:
        ks = "" if self.ks is None else f", KS {self.ks:.2f}"
        return f"{self.feature} (PSI {self.psi:.2f}, limit {self.psi_limit:.2f}{ks})"


def compare(baseline: Baseline, now: Observations, min_samples: int = MIN_SAMPLES) -> list[Finding]:
    """Compare every feature that both have; drifted features first."""
    found = []
    for name, values in now.numbers():
        if name in baseline.samples and len(values):
            note = _note(baseline, name, len(values), min_samples)
            found.append(_compare_numbers(name, baseline.samples[name], values, note))
    for name, counts in now.categories().items():
        if name in baseline.categories and len(now):
            note = _note(baseline, name, len(now), min_samples)
            found.append(_compare_shares(name, baseline.categories[name], counts, note))
    return sorted(found, key=lambda finding: not finding.drifted)


def verdict(findings: list[Finding], samples: int, min_samples: int = MIN_SAMPLES) -> tuple[Verdict, str]:
    """Return the verdict and a line that explains it."""
    if samples < min_samples:
        return Verdict.UNKNOWN, f"not judged: {samples} predictions, {min_samples} are needed (--min-samples)"
    if not any(finding.drifted is not None for finding in findings):
        return Verdict.UNKNOWN, "not judged: there is no baseline to compare with (--baseline)"
    drifted = [finding for finding in findings if finding.drifted]
    if drifted:
        return Verdict.DRIFT, f"drift: {'; '.join(map(str, drifted))}, over {samples} predictions"
    judged = [finding.feature for finding in findings if finding.drifted is not None]
    return Verdict.STEADY, f"no drift in {', '.join(judged)} over {samples} predictions"


def _note(baseline: Baseline, feature: str, count: int, min_samples: int) -> str:
    if count < min_samples:
        return f"fewer than {min_samples}"
    return "" if baseline.judges(feature) else f"not comparable with {baseline.origin} images"


def _compare_numbers(name: str, baseline: Sample, values: np.ndarray, note: str) -> Finding:
    edges = _CONFIDENCE_EDGES if name == "confidence" else drift.bin_edges(baseline.values)
    before, now = (drift.bin_counts(sample, edges) for sample in (baseline.values, values))
    used = before + now > 0
    scaled = before[used] * (baseline.count / len(baseline.values))
    psi = drift.population_stability_index(scaled, now[used])
    limit = max(drift.PSI_DRIFT, drift.chance_limit(int(used.sum()), baseline.count, len(values)))
    distance = drift.ks_distance(baseline.values, values)
    chance = drift.ks_chance(distance, baseline.count, len(values))
    means = float(baseline.values.mean()), float(values.mean())
    drifted = None if note else bool(psi > limit and chance < drift.CHANCE)
    return Finding(name, *means, len(values), psi, limit, distance, chance, drifted, note)


def _compare_shares(name: str, baseline: dict[str, int], counts: dict[str, int], note: str) -> Finding:
    names = [*baseline, *(other for other in counts if other not in baseline)]
    before, now = ([found.get(each, 0) for each in names] for found in (baseline, counts))
    psi = drift.population_stability_index(before, now)
    limit = max(drift.PSI_DRIFT, drift.chance_limit(len(names), sum(before), sum(now)))
    was, is_now = (
        {each: part / sum(parts) for each, part in zip(names, parts, strict=True)} for parts in (before, now)
    )
    return Finding(name, was, is_now, sum(now), psi, limit, None, None, None if note else psi > limit, note)
