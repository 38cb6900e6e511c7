"""Two models on the same labelled images: errors, calibration, and whether the difference is more than chance."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any, Final

from scones.decisions.decision import NEITHER

SURE: Final = 0.05
"""A difference whose p-value is below it is taken for real."""
_BINS: Final = 15


@dataclass(frozen=True, slots=True)
class Said:
    """A model's verdict about an image."""

    label: str
    confidence: float
    passes: bool

    def is_wrong(self, person: str) -> bool:
        """Tell whether it is an error: another class than the person's, or an image of no class that passes."""
        return self.passes if person == NEITHER else self.label != person


@dataclass(frozen=True, slots=True)
class Labelled:
    """An image that both models judged, and a person."""

    person: str
    baseline: Said
    candidate: Said


@dataclass(frozen=True, slots=True)
class Judged:
    """One model on the labelled images; `calibration_error` is None without images."""

    wrong: int
    passed: int
    passed_wrong: int
    calibration_error: float | None


@dataclass(frozen=True, slots=True)
class Paired:
    """
    Both models on the same images.

    Attributes
    ----------
    only_baseline_wrong, only_candidate_wrong
        Images about which exactly one of them is wrong.
    p_value
        Of the exact test that both err equally often; two-sided.
    """

    images: int
    baseline: Judged
    candidate: Judged
    only_baseline_wrong: int
    only_candidate_wrong: int
    p_value: float

    @property
    def is_candidate_worse(self) -> bool:
        """Whether the candidate errs more often, by more than chance."""
        return self.p_value < SURE and self.only_candidate_wrong > self.only_baseline_wrong

    @property
    def is_candidate_better(self) -> bool:
        """Whether it errs less often, by more than chance."""
        return self.p_value < SURE and self.only_candidate_wrong < self.only_baseline_wrong

    def as_document(self) -> dict[str, Any]:
        """Return its part of the report."""
        return asdict(self)


def compare(images: Sequence[Labelled]) -> Paired:
    """Compare two models on labelled images."""
    wrong = [(one.baseline.is_wrong(one.person), one.candidate.is_wrong(one.person)) for one in images]
    baseline, candidate = wrong.count((True, False)), wrong.count((False, True))
    return Paired(
        len(images),
        _model((one.person, one.baseline) for one in images),
        _model((one.person, one.candidate) for one in images),
        baseline,
        candidate,
        exact_p_value(baseline, candidate),
    )


def exact_p_value(first: int, second: int) -> float:
    """
    Return the two-sided p-value of McNemar's exact test.

    Under the hypothesis that both models err equally often, each image about which exactly one errs is a fair coin:
    twice the binomial tail of the smaller count, at most 1. Q. McNemar, "Note on the sampling error of the difference
    between correlated proportions or percentages", Psychometrika 12 (1947), 153-157; the exact conditional form as in
    Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13 (2013), 91.

    Parameters
    ----------
    first, second
        Images about which only the one, and only the other, is wrong.
    """
    tail = sum(comb(first + second, count) for count in range(min(first, second) + 1))
    return min(1.0, 2 * tail / (1 << (first + second)))


def calibration_error(judged: Iterable[tuple[float, bool]]) -> float | None:
    """
    Return the expected calibration error of (confidence, is right): as `training.evaluate` computes it.

    Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015; 15 bins of
    equal width, each one's gap weighted by its share of the images.
    """
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for confidence, is_right in judged:
        bins[min(int(confidence * _BINS), _BINS - 1)].append((confidence, is_right))
    images = sum(map(len, bins))
    gaps = (abs(sum(confidence - is_right for confidence, is_right in one)) for one in bins)
    return sum(gaps) / images if images else None


def _model(judged: Iterable[tuple[str, Said]]) -> Judged:
    pairs = list(judged)
    passed = [(person, said) for person, said in pairs if said.passes]
    return Judged(
        wrong=sum(said.is_wrong(person) for person, said in pairs),
        passed=len(passed),
        passed_wrong=sum(said.is_wrong(person) for person, said in passed),
        calibration_error=calibration_error(
            (said.confidence, said.label == person) for person, said in pairs
        ),
    )
