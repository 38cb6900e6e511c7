"""The model card: an evaluation as a page for the person who decides whether to use the model."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

_TITLES = {"test": "test images", "photos": "photographs"}
_HOW = (
    "By `python -m training.evaluate`, on the ONNX file through the endpoint's predictor. "
    "In brackets: 95 % intervals (Wilson)."
)
_MOST_CLASSES = 12  # most classes in a confusion matrix in text


def render(found: Mapping[str, Any], plots: Sequence[Path], card: Path) -> str:
    """Return the page.

    Parameters
    ----------
    found
        The document of training.evaluate.
    plots
        Images to include.
    card
        Path of the page, for relative links to the plots.
    """
    parts = {name: found[name] for name in _TITLES if name in found}
    blocks = [
        *_model(found),
        "## Measured",
        _HOW,
        _measured(parts),
        *_limits(parts, found["threshold"]),
        "## Per class",
    ]
    for name, report in parts.items():
        blocks += [f"### {_TITLES[name].capitalize()}", _per_class(report)]
        if len(report["per_class"]) <= _MOST_CLASSES:
            blocks += ["Rows are the truth, columns the answers.", _confusion(report)]
    if plots:
        blocks += ["## Plots", *(_image(path, card) for path in plots)]
    return "\n\n".join(blocks) + "\n"


def _model(found: Mapping[str, Any]) -> list[str]:
    model, labels = found["model"], found["model"]["labels"]
    size = model["input_size"]
    purpose = (
        f"An image classifier of {len(labels)} classes: {', '.join(labels)}. "
        f"An answer with confidence of {found['threshold']} or more is taken; with less, a person looks."
    )
    return [
        f"# Model card: {model['version']}",
        purpose,
        _table(
            ("", ""),
            [
                ("input", f"squares of {size} x {size} pixels, RGB: {', '.join(model['views'])}"),
                ("output", f"{len(labels)} probabilities, the mean of those squares'"),
                ("temperature", f"{model['temperature']:.3f}, inside the model"),
                (
                    "one image, one thread, decoding included",
                    f"{found['latency_ms_p50']:.1f} ms median, {found['latency_ms_p95']:.1f} ms 95th percentile",
                ),
            ],
        ),
    ]


def _measured(parts: Mapping[str, Mapping[str, Any]]) -> str:
    rows = [
        ("images", [f"{report['images']:,}" for report in parts.values()]),
        ("accuracy", [_share(report, "accuracy") for report in parts.values()]),
        ("coverage: share that passes", [_share(report, "coverage") for report in parts.values()]),
        ("right among those", [_share(report, "passed_accuracy") for report in parts.values()]),
        ("what that shows", [_shown(report) for report in parts.values()]),
        (
            "expected calibration error, 15 bins",
            [f"{report['calibration_error']:.3f}" for report in parts.values()],
        ),
        (
            "area under the risk-coverage curve",
            [f"{report['risk_coverage_area']:.4f}" for report in parts.values()],
        ),
        (
            "strangers: images of none of the classes",
            [f"{report['strangers']:,}" for report in parts.values()],
        ),
        ("strangers that pass", [_share(report, "strangers_passed") for report in parts.values()]),
    ]
    return _table(("", *(_TITLES[name] for name in parts)), [(name, *values) for name, values in rows])


def _limits(parts: Mapping[str, Mapping[str, Any]], threshold: float) -> list[str]:
    """Return the limitations of the numbers."""
    notes = ["The numbers hold for images like these; watch your own with `python -m training.monitor`."]
    for name, report in parts.items():
        if not report["strangers"]:
            notes.append(
                f"No strangers among the {_TITLES[name]}: how often other things pass {threshold} is not known."
            )
        if report.get("unreadable"):
            notes.append(f"{report['unreadable']} files could not be read and are not counted.")
    return ["\n".join(f"- {note}" for note in notes)]


def _per_class(report: Mapping[str, Any]) -> str:
    rows = (
        (name, str(found["images"]), _number(found["precision"]), _number(found["recall"]))
        for name, found in report["per_class"].items()
    )
    return _table(("class", "images", "precision", "recall"), rows)


def _confusion(report: Mapping[str, Any]) -> str:
    names = list(report["per_class"])
    rows = ((name, *map(str, counts)) for name, counts in zip(names, report["confusion"], strict=True))
    return _table(("", *names), rows)


def _image(path: Path, card: Path) -> str:
    return f"![{path.stem.replace('-', ' ')}]({os.path.relpath(path, card.parent).replace(os.sep, '/')})"


def _share(report: Mapping[str, Any], name: str) -> str:
    interval = report[f"{name}_interval_95"]
    return "-" if interval is None else f"{report[name]:.3f} ({interval[0]:.3f} to {interval[1]:.3f})"


def _shown(report: Mapping[str, Any]) -> str:
    """Return what the counts allow to be claimed (exact binomial, one-sided)."""
    bound, (right, passed) = report["passed_accuracy_at_least_95"], report["passed_right"]
    return "-" if bound is None else f"{right:,} of {passed:,}: {bound:.3f} or more, with 95 % confidence"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
