"""Compare the shipped model with the classifier of the tutorials, trained their way on the same images.

make setup-training
.venv-training/bin/python -m training.data
.venv/bin/python -m benchmarks.textbook_model

Takes some minutes for each of three seeds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.endpoint_clients import TRAINING_PYTHON
from benchmarks.measurements import ROOT, Count, Part, keep, significant

SEEDS = (1, 2, 3)
ARCHIVE = Path("build/data/cifar-100-python.tar.gz")
OFFICIAL_MD5 = "eb9058c3a382ffc7106e4002c42a8d85"
METHOD = """\
The model in the repository beside the one that tutorials of this pipeline train with SageMaker's built-in image
classification ([its training](../benchmarks/textbook/train_classifier.py): the same architecture and the documented
defaults of the algorithm, in PyTorch; SageMaker's own container was not run). Both saw the same {trained} training
images of the two classes and were chosen on the same validation images; ours also saw the other classes of CIFAR-100.
Measured once on the {known} official test images of the two classes, of which none influenced a choice, and on
{strangers} of the other classes; the tutorials' model is the median of {seeds} seeds. "Passes" is a confidence of 0.8
or more."""


def run(archive: Path, md5: str, seed: int) -> dict[str, Any]:
    """Train the textbook's model with one seed; return the figures of both."""
    command = [
        str(TRAINING_PYTHON),
        "-m",
        "benchmarks.textbook.train_classifier",
        str(archive),
        md5,
        str(seed),
    ]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603 - ours
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def wrong_among_passed(figures: dict[str, Any]) -> float:
    """Return the share of what passes that is wrong, in percent."""
    right, passed = figures["passed_right"]
    return 100 * (1 - float(right) / float(passed))


def part_of(runs: list[dict[str, Any]]) -> Part:
    """Return the section of the page."""
    ours, first = runs[0]["ours"], runs[0]["textbook"]
    method = METHOD.format(
        trained=f"{runs[0]['trained_on']:,}",
        known=first["images"],
        strangers=f"{first['strangers']:,}",
        seeds=len(runs),
    )
    rows = (
        ("right", lambda one: 100 * one["accuracy"], "%"),
        ("passes", lambda one: 100 * one["coverage"], "%"),
        ("wrong among what passes", wrong_among_passed, "%"),
        ("images of other classes that pass", lambda one: 100 * one["strangers_passed"], "%"),
        ("calibration error", lambda one: one["calibration_error"], ""),
        ("weights", lambda one: one["megabytes"], "MB"),
    )
    counts = [
        Count(
            what,
            significant(figure(ours)),
            significant(statistics.median(figure(one["textbook"]) for one in runs)),
            "tutorials' ResNet-18",
            unit,
            "counted",
        )
        for what, figure, unit in rows
    ]
    return Part("The model", method, counts=counts)


def main() -> None:
    """Train, measure and keep."""
    parser = argparse.ArgumentParser(prog="benchmarks.textbook_model", description=__doc__.splitlines()[0])
    parser.add_argument("--archive", type=Path, default=ARCHIVE, help="CIFAR-100 as Python pickles, .tar.gz")
    parser.add_argument("--md5", default=OFFICIAL_MD5, help="its checksum, if it is not the official archive")
    options = parser.parse_args()
    if not TRAINING_PYTHON.exists():
        sys.exit("benchmarks.textbook_model: PyTorch is not installed; `make setup-training` adds it")
    if not options.archive.exists():
        sys.exit(f"benchmarks.textbook_model: no {options.archive}; `python -m training.data` downloads it")
    keep("textbook_model", part_of([run(options.archive, options.md5, seed) for seed in SEEDS]))


if __name__ == "__main__":
    main()
