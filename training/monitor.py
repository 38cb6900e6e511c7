"""Compare the endpoint's predictions in production with those of its evaluation.

Reads Data Capture files (*.jsonl) or result documents (*.json).
"""

from __future__ import annotations

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endpoint.predictor import SHIPPED_MODEL
from training.aws import s3_client
from training.command_line import command, count, share, start
from training.evaluation.plot_kit import PlotsUnavailableError, require_matplotlib
from training.monitoring import baseline as baselines
from training.monitoring import plots as monitor_plots
from training.monitoring.comparison import MIN_SAMPLES, RULE, Verdict, compare, verdict
from training.monitoring.reading import find_files, read
from training.monitoring.records import Reader
from training.monitoring.summary import Summary, facts, findings_table
from training.monitoring.time_range import time_range

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from training.monitoring.baseline import Baseline
    from training.monitoring.reading import Broken

DEFAULT_BASELINE = SHIPPED_MODEL.with_name(baselines.FILE_NAME)
_THRESHOLD, _INPUT_SIZE = 0.8, 32  # if the baseline does not state one
_EXIT = {Verdict.STEADY: 0, Verdict.DRIFT: 1, Verdict.UNKNOWN: 3}
_INPUT_ERROR = 2
_EPILOG = f"""exit codes: 0 no drift; 1 drift; 2 usage or input error; 3 not judged, for too few predictions
or no baseline. {RULE} Against a baseline from evaluation, image sizes and label shares are reported only,
because the evaluation images were selected; --save-baseline saves a good week of yours, against which all is compared.
"""


def monitor(options: argparse.Namespace, now: datetime, make_s3: Callable[[], Any]) -> Summary:
    """Read, compare and report.

    Raises
    ------
    SourceError, OptionError, BaselineError
        One line for a person.
    """
    times = time_range(options.since, options.until, now)
    baseline = _baseline(options.baseline)
    labels = options.labels or (baseline.labels if baseline else None)
    threshold = options.threshold or (baseline.threshold if baseline else _THRESHOLD)
    files = find_files(options.sources, times, make_s3)
    reader = Reader(labels, threshold, baseline.input_size if baseline else _INPUT_SIZE)
    reading = read(files, reader, times)
    observations = reading.observations
    findings = compare(baseline, observations, options.min_samples) if baseline else []
    judged, line = verdict(findings, len(observations), options.min_samples)
    return Summary(options.sources, times, reading, threshold, baseline, findings, judged, line)


def write(folder: Path, summary: Summary) -> str:
    """Write summary.json, summary.md and the plots; return a note if the plots could not be drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    plots, note = [], ""
    try:
        require_matplotlib()
        plots = monitor_plots.write(folder, summary) if len(summary.reading.observations) else []
    except PlotsUnavailableError as error:
        note = str(error)
    (folder / "summary.md").write_text(summary.to_markdown(plots), encoding="utf-8")
    (folder / "summary.json").write_text(
        json.dumps(summary.to_json(), indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )
    return note


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return baselines.load(DEFAULT_BASELINE) if DEFAULT_BASELINE.is_file() else None
    return baselines.load(path)


def _save_baseline(path: Path, summary: Summary) -> None:
    observations, known = summary.reading.observations, summary.baseline
    version, size = (known.version, known.input_size) if known else (None, _INPUT_SIZE)
    labels = known.labels if known else tuple(observations.label_names)
    made = baselines.make_baseline(
        observations, baselines.PRODUCTION, (version, labels, size), summary.threshold
    )
    baselines.save(made, path)


def _complain(broken: Broken) -> None:
    """Print the first broken records to standard error."""
    if broken.count:
        first = "; ".join(broken.named[:3])
        print(f"training.monitor: {broken.count} records could not be read, first: {first}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.monitor", description=__doc__, epilog=_EPILOG)
    parser.add_argument("sources", nargs="+", metavar="SOURCE", help="folder, file or s3://bucket/prefix")
    parser.add_argument("--since", help="ISO 8601 (local time unless it has an offset) or an age: 24h, 7d")
    parser.add_argument("--until", help="as --since; exclusive")
    parser.add_argument("--baseline", type=Path, help=f"default: {DEFAULT_BASELINE}, where it is")
    parser.add_argument("--save-baseline", type=Path, metavar="FILE", help="save this range as a baseline")
    parser.add_argument("--threshold", type=share, help="of captures (default: the baseline's, or 0.8)")
    parser.add_argument(
        "--labels", type=lambda text: tuple(text.split(",")), help="of captures (default: the baseline's)"
    )
    parser.add_argument("--min-samples", type=count, default=MIN_SAMPLES, help="default: %(default)s")
    parser.add_argument("--output", type=Path, default=Path("build/monitoring"), help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


@command("monitor", failed=_INPUT_ERROR)
def main(given: Sequence[str] | None = None, make_s3: Callable[[], Any] = s3_client) -> int:
    """Run the command line."""
    options = _parser().parse_args(given)
    summary = monitor(options, datetime.now(UTC), make_s3)
    note = write(options.output, summary)
    if options.save_baseline:
        _save_baseline(options.save_baseline, summary)
    if options.json:
        print(json.dumps(summary.to_json(), allow_nan=False))
    else:
        print("\n".join([facts(summary), *([findings_table(summary.findings)] if summary.findings else [])]))
        print(f"{summary.line}\nwritten to {options.output}/summary.md")
    _complain(summary.reading.broken)
    if note:
        print(f"training.monitor: no plots: {note}", file=sys.stderr)
    return _EXIT[summary.verdict]


if __name__ == "__main__":
    start(main)
