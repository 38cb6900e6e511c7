"""Measure the shipped model with the endpoint's own predictor, on images that influenced no choice.

Prints the numbers, or with --json one document; writes a model card, plots, and the baseline that
training.monitor compares production with.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endpoint.predictor import SHIPPED_MODEL, Predictor
from training.command_line import command, share, start
from training.dataset.archive import OFFICIAL_MD5, read_archive
from training.evaluation import model_card
from training.evaluation import plots as evaluation_plots
from training.evaluation.plot_kit import require_matplotlib
from training.evaluation.report import measure
from training.evaluation.scoring import Scored, latency_ms, score_archive, score_photos
from training.monitoring import baseline

if TYPE_CHECKING:
    from collections.abc import Mapping

TEST, PHOTOS = "test", "photos"


def score(predictor: Predictor, options: argparse.Namespace) -> dict[str, Scored]:
    """Score every requested set of images."""
    parts = {}
    if options.archive:
        parts[TEST] = score_archive(predictor, read_archive(options.archive, options.md5))
    if options.photos:
        parts[PHOTOS] = score_photos(predictor, options.photos)
    return parts


def document(predictor: Predictor, parts: Mapping[str, Scored], threshold: float) -> dict[str, Any]:
    """Return the document that --json prints."""
    median, high = latency_ms(predictor)
    reports = {}
    for name, part in parts.items():
        report = measure(part.known, part.labels, part.strangers, threshold, predictor.labels)
        reports[name] = {**report, "unreadable": part.unreadable} if name == PHOTOS else report
    return {
        "model": {
            "version": predictor.version,
            "labels": predictor.labels,
            "input_size": predictor.input_size,
            "views": predictor.views,
            "temperature": predictor.temperature,
        },
        "threshold": threshold,
        "latency_ms_p50": median,
        "latency_ms_p95": high,
        **reports,
    }


def write(
    options: argparse.Namespace, predictor: Predictor, parts: Mapping[str, Scored], found: dict[str, Any]
) -> None:
    """Write the requested files."""
    plots: list[Path] = []
    if options.plots:
        for name in parts:
            plots += evaluation_plots.write(options.plots, name, found)
    if options.card:
        options.card.parent.mkdir(parents=True, exist_ok=True)
        options.card.write_text(model_card.render(found, plots, options.card), encoding="utf-8")
    if options.baseline:
        observations = next(iter(parts.values())).observations(predictor.labels, options.threshold)
        model = (predictor.version, predictor.labels, predictor.input_size)
        made = baseline.make_baseline(observations, baseline.EVALUATION, model, options.threshold)
        baseline.save(made, options.baseline)


def _text(found: Mapping[str, Any]) -> str:
    model = found["model"]
    lines = [f"model {model['version']} ({', '.join(model['labels'])}), threshold {found['threshold']}"]
    for name in (name for name in (TEST, PHOTOS) if name in found):
        report = found[name]
        low, high = report["accuracy_interval_95"]
        lines += [
            f"{name}: {report['images']} images, {report['strangers']} strangers",
            f"  accuracy            {report['accuracy']:.3f}  (95 % interval {low:.3f} to {high:.3f})",
            f"  coverage            {report['coverage']:.3f}",
            f"  right among passed  {_number(report['passed_accuracy'])}",
            f"  calibration error   {report['calibration_error']:.3f}",
            f"  risk-coverage area  {report['risk_coverage_area']:.4f}",
            f"  strangers passed    {_number(report['strangers_passed'])}",
        ]
    latency = f"{found['latency_ms_p50']:.1f} ms (median), {found['latency_ms_p95']:.1f} ms (95th percentile)"
    return "\n".join([*lines, f"one image: {latency}"])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--archive", type=Path, help="cifar-100-python.tar.gz, for its test images")
    parser.add_argument("--md5", default=OFFICIAL_MD5, help="checksum (default: the official archive's)")
    parser.add_argument("--photos", type=Path, help="folder with a subfolder per class; others are strangers")
    parser.add_argument("--model", type=Path, default=SHIPPED_MODEL, help="default: %(default)s")
    parser.add_argument("--threshold", type=share, default=0.8, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write a model card in Markdown")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write plots as PNG; needs matplotlib")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="FILE",
        help="write the baseline for training.monitor: from the test images, otherwise from the photographs",
    )
    return parser


@command("evaluate")
def main(given: list[str] | None = None) -> int:
    """Run the command line."""
    parser = _parser()
    options = parser.parse_args(given)
    if not (options.archive or options.photos):
        parser.error("give --archive, --photos or both")
    if options.plots:
        require_matplotlib()
    predictor = Predictor(options.model)
    parts = score(predictor, options)
    found = document(predictor, parts, options.threshold)
    write(options, predictor, parts, found)
    print(json.dumps(found, allow_nan=False) if options.json else _text(found))
    return 0


if __name__ == "__main__":
    start(main)
