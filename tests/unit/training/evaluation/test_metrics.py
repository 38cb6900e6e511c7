"""Numbers against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from training.evaluation import metrics

SCORES = np.array([[0.9, 0.1], [0.3, 0.7], [0.15, 0.85], [0.6, 0.4]])
LABELS = np.array([0, 1, 0, 0])


def test_shares() -> None:
    assert metrics.accuracy(SCORES, LABELS) == 0.75
    assert metrics.coverage(SCORES, 0.8) == 0.5
    assert metrics.passed_accuracy(SCORES, LABELS, 0.8) == 0.5
    assert metrics.passed_accuracy(SCORES, LABELS, 0.95) is None
    assert metrics.coverage(SCORES[:0], 0.8) == 0


def test_the_threshold_itself_passes() -> None:
    assert metrics.coverage(np.array([[0.8, 0.2]]), 0.8) == pytest.approx(1)


def test_calibration_error() -> None:
    assert metrics.calibration_error(np.array([[1.0, 0.0]] * 4), np.array([0, 0, 0, 1])) == pytest.approx(
        0.25
    )
    assert metrics.calibration_error(SCORES, LABELS) == pytest.approx((0.1 + 0.3 + 0.85 + 0.4) / 4)


def test_wilsons_interval() -> None:
    low, high = metrics.wilson_interval(193, 200)
    assert (round(low, 4), round(high, 4)) == (0.9295, 0.9829)
    assert metrics.wilson_interval(200, 200)[1] == pytest.approx(1)
    assert metrics.wilson_interval(0, 200)[0] == pytest.approx(0)


def test_the_temperature_of_overconfident_scores_is_found() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (5000, 2))
    labels = (rng.random(5000) > metrics.softmax(honest)[:, 0]).astype(int)
    none = honest[:0]
    assert metrics.fit_temperature(honest * 3, labels, none) == pytest.approx(3, rel=0.1)
    assert metrics.fit_temperature(honest / 2, labels, none) == pytest.approx(0.5, rel=0.1)


def test_strangers_keep_the_temperature_from_sharpening() -> None:
    known, labels = np.array([[1.0, -1.0], [-1.0, 1.0]] * 20), np.array([0, 1] * 20)
    strangers = np.random.default_rng(0).normal(0, 0.5, (200, 2))
    assert metrics.fit_temperature(known, labels, strangers[:0]) == pytest.approx(0.2)
    assert 0.3 < metrics.fit_temperature(known, labels, strangers) < 1


def test_reliability_puts_each_image_in_its_bin() -> None:
    bins = metrics.reliability(SCORES, LABELS, 5)
    assert [found.images for found in bins] == [0, 0, 0, 2, 2]
    assert (bins[3].low, bins[3].high) == pytest.approx((0.6, 0.8))
    assert (bins[3].confidence, bins[3].accuracy) == pytest.approx((0.65, 1))
    assert (bins[4].confidence, bins[4].accuracy) == pytest.approx((0.875, 0.5))
    assert (bins[0].confidence, bins[0].accuracy) == (None, None)


def test_confusion_precision_and_recall() -> None:
    confusion = metrics.confusion_matrix(SCORES, LABELS)
    assert confusion.tolist() == [[2, 1], [0, 1]]
    assert metrics.precision_and_recall(confusion) == ([1, 0.5], [2 / 3, 1])


def test_a_class_never_predicted_or_without_images_has_no_share() -> None:
    confusion = metrics.confusion_matrix(np.eye(3)[[0, 0]], np.array([0, 1]))
    assert confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert metrics.precision_and_recall(confusion) == ([0.5, None, None], [1, 0, None])


def test_risk_at_every_coverage() -> None:
    coverages, risks = metrics.risk_coverage(SCORES, LABELS)
    assert coverages.tolist() == [0.25, 0.5, 0.75, 1]
    assert risks == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert metrics.risk_coverage_area(coverages, risks) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_equally_confident_images_pass_together() -> None:
    coverages, risks = metrics.risk_coverage(
        np.array([[0.9, 0.1]] * 3 + [[0.6, 0.4]]), np.array([0, 1, 0, 0])
    )
    assert coverages.tolist() == [0.75, 1]
    assert risks == pytest.approx([1 / 3, 1 / 4])
    assert metrics.risk_coverage_area(coverages, risks) == pytest.approx(0.75 / 3 + 0.25 / 4)


@pytest.mark.parametrize("classes", [2, 5, 100])
def test_what_holds_for_any_number_of_classes(classes: int) -> None:
    rng = np.random.default_rng(classes)
    scores = metrics.softmax(rng.normal(0, 2, (500, classes)))
    labels = rng.integers(0, classes, 500)
    coverages, risks = metrics.risk_coverage(scores, labels)
    assert coverages[-1] == 1
    assert risks[-1] == pytest.approx(1 - metrics.accuracy(scores, labels))
    assert metrics.risk_coverage_area(coverages, np.zeros_like(risks)) == 0
    assert metrics.risk_coverage_area(coverages, np.ones_like(risks)) == pytest.approx(1)
    assert 0 <= metrics.calibration_error(scores, labels) <= 1
    confusion = metrics.confusion_matrix(scores, labels)
    assert confusion.shape == (classes, classes)
    assert np.trace(confusion) / 500 == pytest.approx(metrics.accuracy(scores, labels))
    assert confusion.sum(1).tolist() == np.bincount(labels, minlength=classes).tolist()
