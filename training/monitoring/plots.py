"""The plots of a time range, in UTC; key values are written beside their marks."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from training.evaluation import metrics, plot_kit
from training.monitoring.image_statistics import UNITS
from training.monitoring.time_axis import set_time_axis
from training.monitoring.windows import windows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from training.monitoring.baseline import Baseline
    from training.monitoring.observations import Observations
    from training.monitoring.summary import Summary
    from training.monitoring.windows import Window

_MOST_POINTS, _MOST_LABELS, _MOST_VALUES = 3000, 6, 10
_BINS = 20


def write(folder: Path, summary: Summary) -> list[Path]:
    """Write the plots and return their paths; plots of image statistics only if those are known."""
    observations, baseline = summary.reading.observations, summary.baseline
    found = windows(observations)
    drawn = {
        "confidence-over-time": confidence_over_time(observations, found, summary.threshold),
        "confidence-histogram": confidence_histogram(observations, baseline, summary.threshold),
        "review-over-time": review_over_time(found, baseline),
        "labels-over-time": labels_over_time(found),
        "images": images(observations, baseline),
    }
    return [plot_kit.save(axes, folder / f"{name}.png") for name, axes in drawn.items() if axes]


def confidence_over_time(observations: Observations, found: Sequence[Window], threshold: float) -> Axes:
    """Draw the confidence of single images, and median and percentiles of each window."""
    axes = plot_kit.new_axes(f"Confidence of {len(observations):,} images", "", "confidence", 8.4)
    step = -(-len(observations) // _MOST_POINTS)
    shown = f"image (1 in {step})" if step > 1 else "image"
    times = [datetime.fromtimestamp(moment, UTC) for moment in observations.times[::step]]
    confidence = dict(observations.numbers())["confidence"]
    axes.plot(times, confidence[::step], ".", color=plot_kit.SKY, markersize=3, alpha=0.6, label=shown)
    low, middle, high = np.array([window.confidence for window in found]).T
    middles = _middles(found)
    axes.fill_between(middles, low, high, color=plot_kit.BLUE, alpha=0.18, label="10th to 90th percentile")
    axes.plot(middles, middle, "o-", color=plot_kit.BLUE, markersize=3, label="median")
    axes.axhline(threshold, color=plot_kit.RED, linestyle="--", label=f"threshold {threshold}")
    _write_values(axes, found, middle.tolist(), "{:.2f}")
    axes.set_ylim(min(0.45, float(confidence.min()) - 0.02), 1.02)
    _finish(axes, found)
    return axes


def confidence_histogram(observations: Observations, baseline: Baseline | None, threshold: float) -> Axes:
    """Draw the distribution of confidence beside the baseline's."""
    axes = plot_kit.new_axes("Confidence, now and in the baseline", "confidence", "share of the images (%)")
    now = dict(observations.numbers())["confidence"]
    _histograms(axes, now, baseline.samples["confidence"].values if baseline else None, (0, 1))
    axes.axvline(threshold, color=plot_kit.RED, linestyle="--", label=f"threshold {threshold}")
    axes.legend(loc="upper left")
    return axes


def review_over_time(found: Sequence[Window], baseline: Baseline | None) -> Axes:
    """Draw the share of images sent to review, with Wilson's intervals."""
    review, total = sum(window.review for window in found), sum(window.images for window in found)
    title = f"Images sent to review: {review:,} of {total:,} ({100 * review / total:.1f} %)"
    axes = plot_kit.new_axes(title, "", "share for review (%)", 8.4)
    shares = 100 * np.array([window.review / window.images for window in found])
    low, high = 100 * np.array([metrics.wilson_interval(window.review, window.images) for window in found]).T
    middles = _middles(found)
    axes.fill_between(middles, low, high, color=plot_kit.BLUE, alpha=0.18, label="95 % interval")
    axes.plot(middles, shares, "o-", color=plot_kit.BLUE, markersize=4, label="now")
    _write_values(axes, found, shares.tolist(), "{:.1f} %")
    if baseline:
        counts = baseline.categories["review"]
        level = 100 * counts["review"] / sum(counts.values())
        axes.axhline(level, color=plot_kit.ORANGE, linestyle="--", label=f"baseline ({level:.1f} %)")
    axes.set_ylim(0, min(103, max(10.0, 1.1 * float(high.max()))))
    _finish(axes, found)
    return axes


def labels_over_time(found: Sequence[Window]) -> Axes:
    """Draw each label's share; beyond the most frequent labels, one line for the rest."""
    total = sum(window.images for window in found)
    axes = plot_kit.new_axes(f"Labels given to {total:,} images", "", "share of the images (%)", 8.4)
    totals = {name: sum(window.labels[name] for window in found) for name in found[0].labels}
    frequent = sorted(totals, key=lambda name: -totals[name])[:_MOST_LABELS]
    middles = _middles(found)
    colours, marks = itertools.cycle(plot_kit.SERIES), itertools.cycle("os^Dv*")
    for name in frequent:
        shares = [100 * window.labels[name] / window.images for window in found]
        axes.plot(
            middles,
            shares,
            f"{next(marks)}-",
            color=next(colours),
            markersize=4,
            label=f"{name}: {totals[name]:,} ({100 * totals[name] / total:.0f} %)",
        )
    if len(totals) > len(frequent):
        rest = [100 * (1 - sum(window.labels[name] for name in frequent) / window.images) for window in found]
        axes.plot(middles, rest, ":", color=plot_kit.GREY, label=f"{len(totals) - len(frequent)} others")
    axes.set_ylim(0, 103)
    _finish(axes, found)
    return axes


def images(observations: Observations, baseline: Baseline | None) -> Figure | None:
    """Draw the distribution of each statistic of the images; None where there is none."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only plots need it

    numbers = dict(observations.numbers())
    known = {name: numbers[name] for name in UNITS if len(numbers.get(name, ()))}
    if not known:
        return None
    columns = min(2, len(known))
    rows = -(-len(known) // columns)
    figure = Figure(figsize=(5.2 * columns, 3.2 * rows), layout="constrained")
    all_axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, (name, values) in zip(all_axes, known.items(), strict=False):
        plot_kit.dress(axes, name.replace("_", " ").capitalize(), UNITS[name], "share of the images (%)")
        before = baseline.samples[name].values if baseline and name in baseline.samples else None
        every = values if before is None else np.concatenate([values, before])
        low, high = float(every.min()), float(every.max())
        _histograms(axes, values, before, (low, high) if high > low else (low - 0.5, high + 0.5))
        axes.legend(fontsize=8)
    for axes in all_axes[len(known) :]:
        axes.set_visible(False)
    return figure


def _histograms(axes: Axes, now: np.ndarray, before: np.ndarray | None, limits: tuple[float, float]) -> None:
    series = [(now, f"now: {len(now):,} images", plot_kit.BLUE, "")]
    if before is not None:
        series.append((before, "baseline", plot_kit.ORANGE, "//"))
    for values, words, colour, hatch in series:
        counts, edges = np.histogram(values, _BINS, limits)
        axes.stairs(
            100 * counts / len(values), edges, fill=True, facecolor=f"{colour}44", edgecolor=colour,
            hatch=hatch, linewidth=1.4, label=words,
        )  # fmt: skip
    counts, edges = np.histogram(now, _BINS, limits)
    for count, left, right in zip(counts, edges, edges[1:], strict=False):
        share = 100 * count / len(now)
        if count:
            axes.annotate(
                f"{share:.0f}" if share >= 1 else "<1", ((left + right) / 2, share), (0, 2),
                textcoords="offset points", ha="center", fontsize=6, color=plot_kit.BLUE,
            )  # fmt: skip


def _middles(found: Sequence[Window]) -> list[datetime]:
    return [window.middle for window in found]


def _finish(axes: Axes, found: Sequence[Window]) -> None:
    """Set the time axis, from the first window's start to the last one's end, and the legend."""
    last = found[-1]
    set_time_axis(axes, found[0].start, last.start + 2 * (last.middle - last.start))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)


def _write_values(axes: Axes, found: Sequence[Window], values: Sequence[float], form: str) -> None:
    """Write values above the marks: all if there are few, otherwise the highest, the lowest and the last."""
    shown = set(range(len(values)))
    if len(values) > _MOST_VALUES:
        shown = {int(np.argmax(values)), int(np.argmin(values)), len(values) - 1}
    for index in shown:
        axes.annotate(
            form.format(values[index]), (found[index].middle, values[index]), (0, 5),
            textcoords="offset points", ha="center", fontsize=7, color=plot_kit.BLACK,
            bbox={"facecolor": "white", "alpha": 0.7, "linewidth": 0, "pad": 0.5},
        )  # fmt: skip
