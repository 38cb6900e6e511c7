"""A certificate: the lowest threshold of the sequence whose error is below the bound, or what is missing for one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scones.audited_draws import is_wrong
from scones.certify.audited_sample import Sample
from scones.certify.error_test import certifies, passes_needed, upper_bound
from scones.certify.threshold_grid import draws_needed, thresholds
from scones.terminal import comma


@dataclass(frozen=True, slots=True)
class Promise:
    """At most a share `error` of what passes is wrong, with a confidence; both between 0 and 1."""

    error: float
    confidence: float

    def divided(self, statements: int) -> "Promise":
        """Return the promise that each of several must keep, so that all hold together at the confidence."""
        return Promise(self.error, 1 - (1 - self.confidence) / statements)


@dataclass(frozen=True, slots=True)
class Trial:
    """A threshold that was tried: audited images that pass it, the wrong ones of them, and the error they exclude."""

    threshold: float
    passes: int
    wrong: int
    bound: float
    is_certified: bool

    def as_document(self) -> dict[str, Any]:
        """Return what `scones certify --json` says of it."""
        return {
            "threshold": self.threshold,
            "passes": self.passes,
            "wrong": self.wrong,
            "bound": self.bound,
            "certified": self.is_certified,
        }


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing for the next certificate.

    Attributes
    ----------
    draws
        Draws of the half that chooses the thresholds; 0 where they are chosen.
    passes
        Audited images that pass, with none wrong among them: beside those that there are, where thresholds are chosen.
    days
        Until then at the rate of the last week; None where there was none.
    """

    draws: int
    passes: int
    days: float | None

    def __str__(self) -> str:
        """Return `187 more audited passes with none wrong; about 9 days at today's rate`."""
        wanted = f"{self.passes:,} more audited passes with none wrong"
        if self.draws:
            draws = comma(self.draws, "more draw", "more draws")
            wanted = (
                f"{draws} in the half that chooses thresholds, and {self.passes:,} audited passes with none wrong "
                "in the other"
            )
        return f"{wanted}; {_days(self.days)}"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones certify --json` says of it."""
        return {"draws": self.draws, "passes": self.passes, "days": self.days}


@dataclass(frozen=True, slots=True)
class Certificate:
    """
    What was found for all images, or for those that the model gave one label.

    Attributes
    ----------
    tried
        The thresholds in their order; the last one failed, unless all were certified.
    drawn
        Draws that were counted, whether they pass or not: what the coverage is a share of.
    missing
        For the threshold that failed; None where none did.
    """

    label: str | None
    promise: Promise
    tried: Sequence[Trial]
    drawn: int
    missing: Missing | None

    @property
    def given(self) -> Trial | None:
        """The lowest threshold that is certified."""
        return next((trial for trial in reversed(self.tried) if trial.is_certified), None)

    @property
    def higher(self) -> list[float]:
        """The certified thresholds above it, ascending: where to go when errors become more frequent."""
        return [trial.threshold for trial in reversed(self.tried) if trial.is_certified][1:]

    @property
    def coverage(self) -> float | None:
        """The share of the counted draws that pass the certified threshold."""
        return self.given.passes / self.drawn if self.given and self.drawn else None

    def as_document(self) -> dict[str, Any]:
        """Return what `scones certify --json` says of it."""
        given = self.given
        return {
            "label": self.label,
            "given": given is not None,
            "confidence": self.promise.confidence,
            "threshold": given.threshold if given else None,
            "passes": given.passes if given else None,
            "wrong": given.wrong if given else None,
            "bound": given.bound if given else None,
            "coverage": self.coverage,
            "drawn": self.drawn,
            "tried": [trial.as_document() for trial in self.tried],
            "missing": self.missing.as_document() if self.missing else None,
        }


def certify(sample: Sample, promise: Promise, label: str | None = None) -> Certificate:
    """
    Try the thresholds of a model version in their order, until one fails.

    Each is tested at the whole confidence: with a fixed order, only the first false one could be certified wrongly
    (fixed-sequence testing; "Learn then Test", arXiv 2110.01052, section 4).

    Parameters
    ----------
    label
        Only images to which the model gave it; None for all.
    """
    part = sample.of_label(label)
    tried: list[Trial] = []
    missing = None
    grid = thresholds([one.confidence for one in part.others], promise.error, promise.confidence)
    for threshold in grid:
        tried.append(_trial(part, threshold, promise))
        if not tried[-1].is_certified:
            missing = _missing_passes(part, tried[-1], promise)
            break
    if not grid:
        missing = _missing_draws(part, promise)
    return Certificate(label, promise, tried, len(part.counted), missing)


def _trial(sample: Sample, threshold: float, promise: Promise) -> Trial:
    passing = [one for one in sample.counted if one.confidence >= threshold]
    passes, wrong = len(passing), sum(map(is_wrong, passing))
    return Trial(
        threshold,
        passes,
        wrong,
        upper_bound(passes, wrong, promise.confidence),
        certifies(passes, wrong, promise.error, promise.confidence),
    )


def _missing_passes(sample: Sample, failed: Trial, promise: Promise) -> Missing:
    passes = passes_needed(failed.wrong, promise.error, promise.confidence) - failed.passes
    waiting = sum(one.confidence >= failed.threshold for one in sample.waiting)
    return Missing(0, passes, _until(passes - waiting, sample.daily(failed.threshold)))


def _missing_draws(sample: Sample, promise: Promise) -> Missing:
    draws = draws_needed(promise.error, promise.confidence) - len(sample.others)
    passes = passes_needed(0, promise.error, promise.confidence)
    return Missing(draws, passes, _until(draws, sample.others_daily))


def _until(wanted: int, daily: float) -> float | None:
    """Return the days until so many more are there; the draws of the other half come as often as those that certify."""
    if wanted <= 0:
        return 0.0
    return wanted / daily if daily else None


def _days(days: float | None) -> str:
    if days is None:
        return "there was no such image in the last week"
    if days == 0:
        return "they are drawn, and wait for a decision"
    whole = math.ceil(days)
    return f"about {whole:,} {'day' if whole == 1 else 'days'} at today's rate"
