"""Drift of the last images against the model's baseline, by the rule of `training/monitoring`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from scones.console.chart_data import EndedImages
from scones.result_documents import Outcome
from scones.running_cloud import project_root

_BASELINE: Final = "endpoint/model/baseline.json"
_FEATURES: Final = frozenset({"confidence", "review"})
"""What the index has of an image, and what evaluation and production can be compared in."""


@dataclass(frozen=True, slots=True)
class DriftRow:
    """A feature: its mean or share then and now, its stability index and the limit, and whether it has drifted."""

    feature: str
    before: float
    now: float
    psi: float
    limit: float
    is_drifted: bool


@dataclass(frozen=True, slots=True)
class Drift:
    """The verdict in a sentence, the features, and the rule."""

    verdict: str
    rows: Sequence[DriftRow] = ()
    rule: str = ""


def read_drift(found: EndedImages) -> Drift:
    """Compare the images with the baseline of the model in this checkout."""
    path = project_root() / _BASELINE
    try:
        from training.monitoring import baseline, comparison, observations  # noqa: PLC0415 (NumPy may be missing)
    except ImportError:
        return Drift("not compared: this needs a checkout and NumPy (`pip install 'scones[endpoint]'`)")
    try:
        reference = baseline.load(path)
    except baseline.BaselineError:
        return Drift(f"not compared: there is no {_BASELINE} here, run the console in a checkout")
    versions = {one.model_version for one in found.images if one.model_version}
    if versions and reference.version and reference.version not in versions:
        return Drift(
            f"not compared: the baseline is of model {reference.version}, these images are of another"
        )
    now = observations.Observations()
    for one in found.images:
        if one.confidence is not None:
            is_passed = one.outcome is Outcome.PASSED
            outcome = observations.PASSED if is_passed else observations.REVIEW
            now.add(observations.Observation(0.0, outcome, "any", one.confidence))
    findings = [one for one in comparison.compare(reference, now) if one.feature in _FEATURES]
    _, sentence = comparison.verdict(findings, len(now))
    rows = [
        DriftRow(one.feature, _number(one.baseline), _number(one.now), one.psi, one.psi_limit, one.drifted)
        for one in findings
        if one.drifted
        is not None  # the mean of few images tells what the model said of one that waits for a person
    ]
    return Drift(sentence.replace(" (--min-samples)", ""), rows, comparison.RULE)


def _number(value: float | dict[str, float]) -> float:
    return value.get("review", 0.0) if isinstance(value, dict) else value
