"""The plots of an evaluation, drawn only from its JSON document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation import metrics, plot_kit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes

_TITLES = {"test": "test images", "photos": "photographs"}
_MOST_LEVEL, _MOST_NUMBERS, _MOST_NAMES = 3, 12, 50  # classes, in a confusion matrix


def write(folder: Path, name: str, found: Mapping[str, Any]) -> list[Path]:
    """Write the plots of one part ("test", "photos") of the document and return their paths."""
    report = {"title": _TITLES.get(name, name), "threshold": found["threshold"], **found[name]}
    return [plot_kit.save(draw(report), folder / f"{name}-{kind}.png") for kind, draw in _KINDS.items()]


def reliability(report: Mapping[str, Any]) -> Axes:
    """Draw accuracy against confidence, with Wilson's intervals, and how many images each bin has."""
    bins = [found for found in report["reliability"] if found["images"]]
    axes = plot_kit.new_axes(
        f"Reliability on {report['images']:,} {report['title']}: "
        f"calibration error {report['calibration_error']:.3f}",
        "confidence (mean of the bin)",
        "accuracy",
    )
    axes.plot([0, 1], [0, 1], color=plot_kit.GREY, linestyle="--", label="perfectly calibrated")
    x = np.array([found["confidence"] for found in bins])
    y = np.array([found["accuracy"] for found in bins])
    intervals = [
        metrics.wilson_interval(round(found["accuracy"] * found["images"]), found["images"]) for found in bins
    ]
    low, high = np.array(intervals).T
    axes.errorbar(
        x, y, [np.maximum(0, y - low), np.maximum(0, high - y)],
        fmt="o", color=plot_kit.BLUE, capsize=3, label="measured, 95 % interval",
    )  # fmt: skip
    for found in bins:
        axes.annotate(
            f"{found['images']:,}", (found["confidence"], found["accuracy"]), (5, -11),
            textcoords="offset points", fontsize=7, color=plot_kit.GREY,
        )  # fmt: skip
    lowest = min(0.5, float(x.min()))
    axes.set_xlim(np.floor(lowest * 10) / 10 - 0.02, 1.04)
    axes.set_ylim(-0.03, 1.05)
    axes.legend(loc="lower right", title="small numbers: images", title_fontsize=8)
    return axes


def risk_coverage(report: Mapping[str, Any]) -> Axes:
    """Draw risk (share of errors) against coverage (share that passes), with the point of the threshold."""
    curve = report["risk_coverage"]
    axes = plot_kit.new_axes(
        f"Risk and coverage on {report['images']:,} {report['title']}: area {report['risk_coverage_area']:.4f}",
        "coverage: share of images that pass",
        "risk: share of wrong answers among them",
    )
    axes.plot(
        curve["coverage"], curve["risk"], color=plot_kit.BLUE, drawstyle="steps-post", label="every threshold"
    )
    if report["passed_accuracy"] is not None:
        point = report["coverage"], 1 - report["passed_accuracy"]
        axes.plot(*point, "D", color=plot_kit.RED, label=f"threshold {report['threshold']}")
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, max(0.02, 1.15 * max(curve["risk"])))
    axes.legend(loc="upper left")
    return axes


def confidence(report: Mapping[str, Any]) -> Axes:
    """Draw the distributions of confidence for images of the classes and for strangers."""
    histogram = report["confidence"]
    axes = plot_kit.new_axes(f"Confidence on {report['title']}", "confidence", "share of the images (%)")
    kinds = (
        ("known", "of the classes", plot_kit.BLUE, ""),
        ("strangers", "strangers", plot_kit.ORANGE, "//"),
    )
    for kind, words, colour, hatch in kinds:
        counts = np.array(histogram[kind])
        if counts.sum():
            axes.stairs(
                100 * counts / counts.sum(), histogram["edges"], fill=True, facecolor=f"{colour}55",
                edgecolor=colour, hatch=hatch, linewidth=1.4, label=f"{words} ({counts.sum():,})",
            )  # fmt: skip
    axes.axvline(report["threshold"], color=plot_kit.BLACK, linestyle="--")
    axes.annotate(
        f"threshold {report['threshold']}", (report["threshold"], 1), (-4, -4), rotation=90, fontsize=8,
        xycoords=("data", "axes fraction"), textcoords="offset points", ha="right", va="top",
    )  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.25 * axes.get_ylim()[1])
    axes.legend(loc="upper left")
    return axes


def confusion(report: Mapping[str, Any]) -> Axes:
    """Draw true against predicted classes, as shares of the true class."""
    counts = np.array(report["confusion"])
    names = list(report["per_class"])
    side = min(12.0, 3.6 + 0.35 * len(names))
    axes = plot_kit.new_axes(
        f"Confusion on {report['images']:,} {report['title']}", "answer", "truth", side + 0.8, side
    )
    axes.grid(visible=False)
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    axes.figure.colorbar(image, label="share of the true class", shrink=0.8)
    shown = range(0, len(names), -(-len(names) // _MOST_NAMES))
    rotation, size = _name_style(len(names))
    axes.set_xticks(shown, [names[k] for k in shown], rotation=rotation, fontsize=size)
    axes.set_yticks(shown, [names[k] for k in shown], fontsize=size)
    if len(names) <= _MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            colour = "white" if shares[row, column] < 0.5 else "black"  # noqa: PLR2004 - the middle of the colour map
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    return axes


def _name_style(classes: int) -> tuple[int, int]:
    """Return the rotation and the font size at which the names of this many classes fit."""
    if classes <= _MOST_NUMBERS:
        return (0, 9) if classes <= _MOST_LEVEL else (90, 9)
    return 90, 6


_KINDS: dict[str, Callable[[Mapping[str, Any]], Axes]] = {
    "reliability": reliability,
    "risk-coverage": risk_coverage,
    "confidence": confidence,
    "confusion": confusion,
}
