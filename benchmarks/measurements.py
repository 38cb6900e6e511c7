"""Ratios of interleaved measurements, and the document that keeps them: docs/benchmarks.json."""

from __future__ import annotations

import json
import os
import re
import statistics
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "benchmarks.json"
FEWEST_RUNS, MOST_RUNS = 5, 21
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Ratio:
    """What ours took, divided by what something beside it took in the same round.

    Attributes
    ----------
    quantity
        What was measured, for example "CPU time".
    case, subject, beside
        The input, ours, and what it is compared with.
    median, lowest, highest
        Of the ratios of all rounds.
    runs
        How many rounds.
    subject_median, unit
        The median of ours alone. It depends on the machine; the ratio hardly does.
    """

    quantity: str
    case: str
    subject: str
    beside: str
    median: float
    lowest: float
    highest: float
    runs: int
    subject_median: float
    unit: str


@dataclass(frozen=True, slots=True)
class Count:
    """A figure without chance: counted, or derived from counts and a price list.

    Attributes
    ----------
    ours, beside
        The two values; `of` names what the second belongs to.
    source
        "counted", or what it was derived from.
    """

    what: str
    ours: float
    beside: float
    of: str
    unit: str
    source: str


@dataclass(slots=True)
class Part:
    """One section of the page."""

    title: str
    method: str
    ratios: list[Ratio] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)


def interleaved(
    programs: Mapping[str, Callable[[], float]], budget_s: float, most_runs: int = MOST_RUNS
) -> dict[str, list[float]]:
    """Measure programs in turns, so that whatever else the machine does disturbs all of them alike.

    The first round warms up and is not counted; every second round runs in the reverse order.

    Parameters
    ----------
    programs
        Each returns what it measured of one run.
    budget_s
        Time for all rounds; at least 5 are run.
    most_runs
        At most so many rounds are run.

    Returns
    -------
    dict[str, list[float]]
        For each program one value for each round, in the order of the rounds.
    """
    measured: dict[str, list[float]] = {name: [] for name in programs}
    for program in programs.values():
        program()
    began = time.monotonic()
    for run in range(most_runs):
        if run >= FEWEST_RUNS and time.monotonic() - began > budget_s:
            break
        for name in list(programs)[:: -1 if run % 2 else 1]:
            measured[name].append(programs[name]())
    return measured


def ratio_of(
    measured: Mapping[str, list[float]], subject: str, beside: str, *, quantity: str, case: str, unit: str
) -> Ratio:
    """Divide ours by what is beside it, round by round."""
    ratios = [one / other for one, other in zip(measured[subject], measured[beside], strict=True)]
    return Ratio(
        quantity,
        case,
        subject,
        beside,
        median=significant(statistics.median(ratios)),
        lowest=significant(min(ratios)),
        highest=significant(max(ratios)),
        runs=len(ratios),
        subject_median=significant(statistics.median(measured[subject])),
        unit=unit,
    )


def significant(value: float) -> float:
    """Round to three significant digits."""
    return float(f"{value:.{DIGITS}g}")


def machine() -> dict[str, Any]:
    """Describe this machine by its cores and the kind of its CPU, and nothing else."""
    models = re.findall(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {"cores": os.cpu_count(), "cpu": models[0].strip() if models else os.uname().machine}


def read_document(path: Path = DOCUMENT) -> dict[str, Any]:
    """Return what was measured: for each part its title, method, machine, date, ratios and counts."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return document


def keep(name: str, part: Part, path: Path = DOCUMENT) -> None:
    """Replace one part of the document; the others stay as they were measured."""
    document = read_document(path)
    document[name] = {
        "title": part.title,
        "method": " ".join(part.method.split()),
        "measured_on": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "ratios": [asdict(one) for one in part.ratios],
        "counts": [asdict(one) for one in part.counts],
    }
    path.write_text(json.dumps(dict(sorted(document.items())), indent=1) + "\n", encoding="utf-8")
    print(f"{name}: {len(part.ratios)} ratios, {len(part.counts)} counts in {path.name}", file=sys.stderr)
