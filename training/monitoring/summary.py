"""The result of monitoring, as a JSON document and as a page."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from training.monitoring.comparison import RULE, Finding, Verdict
from training.monitoring.windows import Window, windows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from training.monitoring.baseline import Baseline
    from training.monitoring.reading import Reading
    from training.monitoring.time_range import TimeRange


@dataclass(frozen=True, slots=True)
class Summary:
    """All results for a time range."""

    sources: Sequence[str]
    times: TimeRange
    reading: Reading
    threshold: float
    baseline: Baseline | None
    findings: Sequence[Finding]
    verdict: Verdict
    line: str

    def to_json(self) -> dict[str, Any]:
        """Return the document; times in ISO 8601, UTC."""
        observations, broken = self.reading.observations, self.reading.broken
        categories = observations.categories()
        return {
            "verdict": self.verdict,
            "line": self.line,
            "sources": list(self.sources),
            "since": _moment(self.times.since),
            "until": _moment(self.times.until),
            "files": self.reading.files,
            "predictions": len(observations),
            "outside_time_range": self.reading.outside,
            "of_scones_verify": self.reading.verification,
            "broken": {"count": broken.count, "first": broken.named},
            "outcomes": dict(observations.outcomes),
            "model_versions": dict(observations.model_versions),
            "threshold": self.threshold,
            "review_share": _share(categories["review"]["review"], len(observations)),
            "label_shares": {
                name: _share(count, len(observations)) for name, count in categories["label"].items()
            },
            "baseline": self.baseline
            and {"origin": self.baseline.origin, "model_version": self.baseline.version},
            "findings": [asdict(finding) for finding in self.findings],
            "windows": [_window(window) for window in windows(observations)],
        }

    def to_markdown(self, plots: Sequence[Path]) -> str:
        """Return the page, with the plots beside it."""
        broken = self.reading.broken
        blocks = [
            "# Monitoring",
            f"**{self.line}**",
            facts(self),
            "## Compared with the baseline" if self.findings else "",
            findings_table(self.findings) if self.findings else "",
            RULE if self.findings else "",
            *(f"![{path.stem.replace('-', ' ')}]({path.name})" for path in plots),
        ]
        if broken.count:
            named = "\n".join(f"- `{name}`" for name in broken.named)
            blocks += [f"## {broken.count} records that could not be read", named]
        return "\n\n".join(block for block in blocks if block) + "\n"


def facts(summary: Summary) -> str:
    """Return a few lines about what was read."""
    observations = summary.reading.observations
    since, until = (_moment(moment) or "any time" for moment in (summary.times.since, summary.times.until))
    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(observations.outcomes.items())) or "none"
    read = summary.reading
    lines = [
        f"- images: {outcomes}; from {since} to {until}",
        f"- files read: {read.files}; records of another time: {read.outside}; broken: {read.broken.count}",
    ]
    if summary.baseline:
        version = summary.baseline.version or "unknown"
        lines.append(f"- baseline: {summary.baseline.origin}, model {version}, threshold {summary.threshold}")
        if others := sorted(observations.model_versions.keys() - {summary.baseline.version}):
            lines.append(
                f"- **other models than the baseline's predicted here ({', '.join(others)}): differences may be "
                "theirs; compare with the baseline that was packaged with the model**"
            )
    return "\n".join(lines)


def findings_table(findings: Sequence[Finding]) -> str:
    """Return the comparison as a Markdown table that is readable as text too."""
    rows = [("feature", "baseline", "now", "PSI", "limit", "KS", "drift")]
    rows += [
        (
            found.feature,
            _value(found.baseline),
            _value(found.now),
            f"{found.psi:.2f}",
            f"{found.psi_limit:.2f}",
            "-" if found.ks is None else f"{found.ks:.2f}",
            {True: "YES", False: "no", None: found.note}[found.drifted],
        )
        for found in findings
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
        for row in rows
    ]
    return "\n".join([lines[0], f"|{'|'.join('-' * (width + 2) for width in widths)}|", *lines[1:]])


def _window(window: Window) -> dict[str, Any]:
    content = asdict(window)
    return {**content, "start": window.start.isoformat(), "middle": window.middle.isoformat()}


def _value(value: float | dict[str, float]) -> str:
    if isinstance(value, dict):
        largest = sorted(value.items(), key=lambda item: -item[1])[:3]
        return ", ".join(f"{name} {share:.0%}" for name, share in largest)
    return f"{value:.3g}"


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _moment(seconds: float) -> str | None:
    return (
        datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if math.isfinite(seconds) else None
    )
