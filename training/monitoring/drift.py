"""Tests whether two samples differ in distribution. Pure NumPy.

The population stability index measures how large a difference is; a limit from its distribution says whether
samples of this size show as much by chance. The two-sample Kolmogorov-Smirnov test checks the latter without
bins.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

PSI_DRIFT = 0.2
CHANCE = 0.01
_BINS = 10
_NORMAL_QUANTILE = 2.326348  # of 1 - CHANCE


def bin_edges(sample: np.ndarray, bins: int = _BINS) -> np.ndarray:
    """Return the inner edges of bins with about equally many values of the sample.

    A value so frequent that several edges fall on it gets a separate bin.
    """
    quantiles = np.quantile(sample, np.arange(1, bins) / bins, method="inverted_cdf")
    edges, times = np.unique(quantiles, return_counts=True)
    return np.union1d(edges, np.nextafter(edges[times > 1], np.inf))


def bin_counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the number of values in each of the len(edges) + 1 bins; an edge belongs to the bin above it."""
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def population_stability_index(expected: Sequence[float], observed: Sequence[float]) -> float:
    """Return the PSI of two lists of counts: the sum over bins of (q - p) ln(q / p) for shares p and q.

    It is Jeffreys' divergence; an empty bin counts as half an observation. Siddiqi, "Credit risk scorecards",
    2006, takes values below 0.1 as stable and above 0.25 as a shift; 0.2 is a common limit.
    """
    p, q = (np.maximum(counts, 0.5) / np.sum(counts) for counts in (expected, observed))
    return float(((q - p) * np.log(q / p)).sum())


def chance_limit(bins: int, expected: int, observed: int) -> float:
    """Return the PSI that samples of these sizes from one distribution exceed in 1 % of cases.

    Without drift PSI is distributed as chi-square of bins - 1 degrees, times 1/n + 1/m (Yurdakul, "Statistical
    properties of the population stability index", 2018). The quantile is Wilson and Hilferty's, 1931.
    """
    degrees = bins - 1
    if degrees < 1:
        return 0.0
    spread = 2 / (9 * degrees)
    quantile = degrees * (1 - spread + _NORMAL_QUANTILE * math.sqrt(spread)) ** 3
    return quantile * (1 / expected + 1 / observed)


def ks_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the largest distance between the two empirical distribution functions."""
    values = np.concatenate([first, second])
    below = [
        np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (first, second)
    ]
    return float(np.abs(below[0] - below[1]).max())


def ks_chance(distance: float, first: int, second: int) -> float:
    """Return the probability of at least this distance between samples of one distribution.

    Kolmogorov's series with Stephens' correction for small samples, "Use of the Kolmogorov-Smirnov,
    Cramer-von Mises and related statistics without extensive tables", 1970.
    """
    size = math.sqrt(first * second / (first + second))
    scaled = (size + 0.12 + 0.11 / size) * distance
    if scaled < 0.3:  # noqa: PLR2004 - below, the alternating series is 1 to nine digits
        return 1.0
    terms = (2.0 * (1 if k % 2 else -1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return min(1.0, max(0.0, sum(terms)))
