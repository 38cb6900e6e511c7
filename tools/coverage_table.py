"""Print the coverage of each part of the product by the last test run: ``python -m tools.coverage_table``.

Reads the data file of ``pytest --cov``. Code that runs in a local cloud or another process is not counted.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from coverage import Coverage

ROOT = Path(__file__).parents[1]


def table(statements: Counter[str], missing: Counter[str]) -> list[str]:
    """Return a line for each part, sorted by name, and a total."""
    lines = [
        (name, count, 100 * (count - missing[name]) / count)
        for name, count in sorted(statements.items())
        if count
    ]
    total = statements.total()
    lines.append(("total", total, 100 * (total - missing.total()) / total if total else 0.0))
    return [f"{name:<12}{count:>8,} statements  {percent:5.1f} % covered" for name, count, percent in lines]


def main() -> int:
    """Run the command line."""
    coverage = Coverage()
    coverage.load()
    statements: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    for file in coverage.get_data().measured_files():
        part = Path(file).relative_to(ROOT).parts[0]
        _, lines, _, missed, _ = coverage.analysis2(file)
        statements[part] += len(lines)
        missing[part] += len(missed)
    if not statements:
        print("no coverage was measured: run make coverage", file=sys.stderr)
        return 1
    print("\n".join(table(statements, missing)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
