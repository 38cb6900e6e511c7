"""Baselines, comparisons and verdicts, on observations made up here."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from training.monitoring import baseline as baselines
from training.monitoring.baseline import Baseline, BaselineError, make_baseline
from training.monitoring.comparison import Finding, Verdict, compare, verdict
from training.monitoring.observations import PASSED, REVIEW, Observation, Observations

if TYPE_CHECKING:
    from pathlib import Path

MODEL = ("v1", ("bicycle", "motorcycle"), 32)


def observe(
    seed: int,
    count: int = 300,
    *,
    sure: float = 0.95,
    light: float = 0.5,
    bicycles: float = 0.5,
    width: int = 32,
) -> Observations:
    rng = np.random.default_rng(seed)
    found = Observations()
    for _ in range(count):
        confidence = float(rng.beta(20, 1)) if rng.random() < sure else float(rng.uniform(0.5, 0.8))
        label = "bicycle" if rng.random() < bicycles else "motorcycle"
        inputs = {"brightness": float(rng.normal(light, 0.1)), "width": width}
        outcome = PASSED if confidence >= 0.8 else REVIEW
        found.add(Observation(math.nan, outcome, label, confidence, inputs))
    return found


def baseline(origin: str = baselines.EVALUATION) -> Baseline:
    return make_baseline(observe(0), origin, MODEL, 0.8)


def drifted(findings: list[Finding]) -> set[str]:
    return {finding.feature for finding in findings if finding.drifted}


@pytest.mark.parametrize("seed", range(1, 21))
def test_the_same_distribution_is_no_drift(seed: int) -> None:
    now = observe(seed, 60 if seed % 2 else 1000)
    findings = compare(baseline(baselines.PRODUCTION), now)
    assert drifted(findings) == set()
    assert verdict(findings, len(now))[0] is Verdict.STEADY


def test_darker_images_are_drift_of_brightness_alone() -> None:
    findings = compare(baseline(), observe(1, light=0.3))
    assert drifted(findings) == {"brightness"}
    judged, line = verdict(findings, 300)
    assert judged is Verdict.DRIFT
    assert line.startswith("drift: brightness (PSI ")
    assert findings[0].feature == "brightness"


def test_strangers_are_drift_of_confidence_and_review() -> None:
    assert drifted(compare(baseline(), observe(1, sure=0.5))) == {"confidence", "review"}


def test_labels_and_sizes_are_judged_against_production_alone() -> None:
    now = observe(1, bicycles=0.95, width=64)
    findings = compare(baseline(), now)
    assert drifted(findings) == set()
    assert {finding.feature for finding in findings if finding.drifted is None} == {"label", "width"}
    assert drifted(compare(baseline(baselines.PRODUCTION), now)) == {"label", "width"}


def test_a_label_the_baseline_never_saw_is_compared() -> None:
    now = observe(1)
    for _ in range(200):
        now.add(Observation(math.nan, PASSED, "scooter", 0.9))
    (finding,) = (one for one in compare(baseline(baselines.PRODUCTION), now) if one.feature == "label")
    assert finding.drifted
    assert isinstance(finding.now, dict)
    assert finding.now["scooter"] == pytest.approx(0.4)


def test_tiny_differences_in_large_samples_are_no_drift() -> None:
    before = make_baseline(observe(0, 20_000), baselines.EVALUATION, MODEL, 0.8)
    assert drifted(compare(before, observe(1, 20_000, light=0.51))) == set()


def test_too_few_predictions_are_not_judged() -> None:
    now = observe(1, 20, light=0.1)
    findings = compare(baseline(), now)
    assert all(finding.drifted is None for finding in findings)
    assert verdict(findings, 20) == (
        Verdict.UNKNOWN,
        "not judged: 20 predictions, 50 are needed (--min-samples)",
    )
    assert verdict(compare(baseline(), now, 10), 20, 10)[0] is Verdict.DRIFT


def test_without_a_baseline_nothing_is_judged() -> None:
    judged, line = verdict([], 1000)
    assert judged is Verdict.UNKNOWN
    assert "--baseline" in line


def test_a_hundred_classes_are_compared() -> None:
    rng = np.random.default_rng(0)
    names = [f"class {index}" for index in range(100)]
    samples = []
    for _ in range(2):
        found = Observations()
        for _ in range(400):
            found.add(Observation(math.nan, PASSED, names[rng.integers(100)], 0.9))
        samples.append(found)
    before = make_baseline(samples[0], baselines.PRODUCTION, ("v1", tuple(names), 32), 0.8)
    assert drifted(compare(before, samples[1])) == set()


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "model" / "baseline.json"
    written = baseline()
    baselines.save(written, path)
    found = baselines.load(path)
    assert (found.version, found.labels, found.input_size) == MODEL
    assert (found.origin, found.threshold, found.categories) == ("evaluation", 0.8, written.categories)
    for name, sample in written.samples.items():
        assert found.samples[name].count == sample.count == 300
        assert found.samples[name].values == pytest.approx(sample.values, abs=1e-6)
    content = json.loads(path.read_text())
    assert sum(content["confidence_histogram"]["shares"]) == pytest.approx(1, abs=1e-4)


def test_many_numbers_are_kept_as_quantiles() -> None:
    sample = baselines.Sample.of(np.random.default_rng(0).permutation(10_001) / 10_000)
    assert (sample.count, len(sample.values)) == (10_001, 501)
    assert sample.values == pytest.approx(np.linspace(0, 1, 501), abs=2e-4)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"schema_version": "2"}', '{"schema_version": "1", "model": {"version": "v"}}', None],
)
def test_what_is_no_baseline_is_refused_in_one_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "baseline.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(BaselineError, match=r"baseline\.json") as caught:
        baselines.load(path)
    assert "\n" not in str(caught.value)


def test_nothing_is_no_baseline() -> None:
    with pytest.raises(BaselineError, match="no predictions"):
        make_baseline(Observations(), baselines.EVALUATION, MODEL, 0.8)
