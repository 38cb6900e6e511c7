"""Results of scenarios: one row each, printed at the end of the run and saved in build/chaos.{json,md}."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

COLUMNS = (
    "scenario",
    "images",
    "outcomes",
    "failed",
    "twice",
    "died",
    "reviews",
    "messages",
    "seconds",
    "images/s",
    "peak MiB",
    "load",
    "verdict",
)


@dataclass(slots=True)
class Row:
    """One scenario, counted.

    `images` are versions of objects: `outcomes` have a result, `failed` have the result failed, and the result of
    `twice` was written more than once. `died` are executions that ended FAILED, TIMED_OUT or ABORTED; `messages` were
    sent to the review topic about `reviews` images.
    """

    scenario: str
    images: int
    outcomes: int
    failed: int
    twice: int
    died: int
    reviews: int
    messages: int
    alerts: int
    seconds: float
    peak_mib: int
    load: float = field(default_factory=lambda: os.getloadavg()[0])
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def images_per_s(self) -> float:
        return self.images / self.seconds if self.seconds else 0.0

    @property
    def verdict(self) -> str:
        return "; ".join(self.problems or self.notes) or "ok"

    def require(self, holds: bool, problem: str) -> None:
        """Record a violation, so that the table shows all of them and not only the first."""
        if not holds:
            self.problems.append(problem)

    def cells(self) -> tuple[str, ...]:
        numbers = (
            self.images,
            self.outcomes,
            self.failed,
            self.twice,
            self.died,
            self.reviews,
            self.messages,
        )
        measured = (
            f"{self.seconds:.1f}",
            f"{self.images_per_s:.1f}",
            f"{self.peak_mib:,}",
            f"{self.load:.1f}",
        )
        prefix = "" if not self.problems else "WRONG: "
        return (self.scenario, *(f"{number:,}" for number in numbers), *measured, prefix + self.verdict)


def as_markdown(rows: list[Row]) -> str:
    lines = [COLUMNS, tuple("---" for _ in COLUMNS), *(row.cells() for row in rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def as_text(rows: list[Row]) -> list[str]:
    """Return the lines of a table with aligned columns: words to the left, numbers to the right."""
    cells = [COLUMNS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    words = {0, len(COLUMNS) - 1}
    return [
        "  ".join(
            text.ljust(width) if column in words else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]


def write(rows: list[Row], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    documents = [asdict(row) | {"images_per_s": round(row.images_per_s, 2)} for row in rows]
    (folder / "chaos.json").write_text(json.dumps(documents, indent=2) + "\n")
    (folder / "chaos.md").write_text(as_markdown(rows))
