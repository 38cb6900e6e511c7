"""Draw what `benchmarks/loop.py` printed: `.venv-training/bin/python -m benchmarks.loop_plot FILE FOLDER`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.evaluation.plot_kit import BLUE, GREY, ORANGE, new_axes, require_matplotlib, save

NEITHER = "neither"
FROM = 0.5
COLOURS = {"before": (GREY, "the default model"), "after": (BLUE, "improved by the stream")}


def draw_models(report: dict[str, Any], folder: Path) -> Path:
    """Draw, for each model, how right what passes is at each coverage of the last third."""
    axes = new_axes(
        "Last third of the stream: photographs that neither model has seen",
        "coverage: share of known photographs that pass",
        "right among those that pass",
    )
    for name, said in report["answers"].items():
        known = sorted((row for row in said if row[0] != NEITHER), key=lambda row: -row[2])
        right, line = 0, []
        for number, (shown, label, _) in enumerate(known, 1):
            right += shown == label
            if number >= FROM * len(known):
                line.append((number / len(known), right / number))
        colour, title = COLOURS[name]
        axes.plot(*zip(*line, strict=True), color=colour, label=title)
        numbers = report["last_third"][name]
        axes.plot(
            numbers["passed"] / numbers["photographs"],
            numbers["right_of_passed"] / numbers["passed"],
            "o",
            color=colour,
            label=f"at {numbers['threshold']}: {numbers['right_of_passed']} of {numbers['passed']}",
        )
    axes.set_ylim(0.85, 1.005)
    axes.legend(frameon=False, loc="lower left")
    return save(axes, folder / "loop-models.png")


def draw_certificate(report: dict[str, Any], folder: Path) -> Path:
    """Draw the thresholds that the certificate tried, with the error that each excludes."""
    error = max(report["certificates"], key=float)
    tried = report["certificates"][error]["certificates"][0]["tried"]
    axes = new_axes(
        f"Certificate: at most {float(error):.0%} wrong, with 95 % confidence",
        "audited photographs that pass the threshold",
        "wrong among those that pass",
    )
    passes = [one["passes"] for one in tried]
    axes.plot(passes, [one["bound"] for one in tried], "o-", color=BLUE, label="excluded from here upwards")
    axes.plot(passes, [one["wrong"] / one["passes"] for one in tried], "o", color=ORANGE, label="seen")
    axes.axhline(float(error), color=GREY, linewidth=1, linestyle="--", label="the promise")
    for one in (tried[0], tried[-2], tried[-1]):
        axes.annotate(
            f"{one['threshold']:g}", (one["passes"], one["bound"]), (0, 6), textcoords="offset points"
        )
    axes.set_ylim(0, None)
    axes.legend(frameon=False, loc="center left")
    return save(axes, folder / "loop-certificate.png")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="what benchmarks/loop.py printed")
    parser.add_argument("folder", type=Path, help="for the pictures")
    options = parser.parse_args()
    require_matplotlib()
    report = json.loads(options.report.read_text())
    for draw in (draw_models, draw_certificate):
        print(draw(report, options.folder))


if __name__ == "__main__":
    main()
