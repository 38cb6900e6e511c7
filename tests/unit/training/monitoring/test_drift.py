"""The formulas of drift against values worked out by hand, and their properties."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from training.monitoring import drift


def test_the_stability_index_of_two_bins() -> None:
    expected = (0.8 - 0.5) * math.log(0.8 / 0.5) + (0.2 - 0.5) * math.log(0.2 / 0.5)
    assert drift.population_stability_index([50, 50], [80, 20]) == pytest.approx(expected)
    assert drift.population_stability_index([5, 5], [800, 200]) == pytest.approx(expected)


def test_an_empty_bin_counts_as_half_an_observation() -> None:
    found = drift.population_stability_index([50, 50], [100, 0])
    assert found == pytest.approx(0.5 * math.log(2) + (0.005 - 0.5) * math.log(0.005 / 0.5))


@pytest.mark.parametrize("seed", range(10))
def test_the_stability_index_is_symmetric_and_never_negative(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 50, (2, 8)) + np.eye(1, 8, dtype=int)
    there, back = (
        drift.population_stability_index(*map(list, pair)) for pair in ((first, second), (second, first))
    )
    assert there == pytest.approx(back)
    assert there >= 0
    assert drift.population_stability_index(first, first * 3) <= there + 1e-9 or there == 0


def test_the_limit_of_chance_is_chi_squares_quantile() -> None:
    assert drift.chance_limit(10, 100, 100) == pytest.approx(21.666 * 0.02, rel=0.005)
    assert drift.chance_limit(2, 50, 200) == pytest.approx(6.635 * 0.025, rel=0.02)
    assert drift.chance_limit(1, 50, 200) == 0


def test_samples_of_one_distribution_rarely_exceed_the_limit_of_chance() -> None:
    rng = np.random.default_rng(7)
    beyond = 0
    for _ in range(400):
        before, now = rng.normal(size=300), rng.normal(size=100)
        edges = drift.bin_edges(before)
        psi = drift.population_stability_index(
            list(drift.bin_counts(before, edges)), list(drift.bin_counts(now, edges))
        )
        beyond += psi > drift.chance_limit(len(edges) + 1, 300, 100)
    assert beyond <= 12


def test_edges_split_a_sample_into_equal_parts() -> None:
    sample = np.arange(100.0)
    edges = drift.bin_edges(sample)
    assert edges.tolist() == [9, 19, 29, 39, 49, 59, 69, 79, 89]
    assert drift.bin_counts(sample, edges).tolist() == [9, 10, 10, 10, 10, 10, 10, 10, 10, 11]


def test_a_frequent_value_has_a_bin_of_its_own() -> None:
    edges = drift.bin_edges(np.full(50, 32.0))
    assert drift.bin_counts(np.array([16, 32, 32, 64]), edges).tolist() == [1, 2, 1]


def test_the_distance_of_two_samples() -> None:
    assert drift.ks_distance(np.array([1.0, 2, 3, 4]), np.array([3.0, 4, 5, 6])) == 0.5
    assert drift.ks_distance(np.array([1.0, 2]), np.array([1.0, 1, 2, 2])) == 0
    assert drift.ks_distance(np.array([1.0]), np.array([2.0])) == 1


def test_the_chance_of_a_distance() -> None:
    """The asymptotic critical values of the two-sample test: 1.358 at 5 %, 1.628 at 1 %."""
    size = math.sqrt(10_000 * 10_000 / 20_000)
    assert drift.ks_chance(1.3581 / size, 10_000, 10_000) == pytest.approx(0.05, abs=0.001)
    assert drift.ks_chance(1.6276 / size, 10_000, 10_000) == pytest.approx(0.01, abs=0.0003)
    assert drift.ks_chance(0, 50, 50) == 1
    assert drift.ks_chance(1, 50, 50) == pytest.approx(0, abs=1e-9)


def test_chance_falls_with_distance() -> None:
    chances = [drift.ks_chance(distance, 80, 120) for distance in np.linspace(0, 1, 101)]
    assert all(later <= earlier + 1e-9 for earlier, later in itertools.pairwise(chances))
