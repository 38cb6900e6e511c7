"""Report how many packages an audit could look up: ``python -m tools.audited_packages PACKAGES REPORT``.

pip-audit succeeds even if it could look up nothing, as with a package index that has no data about vulnerabilities.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

MOST_UNKNOWN = 0.1
"""Largest share of packages without data in a valid audit."""


def verdict(packages: str, report: str) -> tuple[int, str]:
    """Return the exit code and a summary line for a list of requirements and pip-audit's report."""
    listed = len(set(re.findall(r"^([A-Za-z0-9][\w.-]*)==", packages, re.MULTILINE)))
    unknown = sum("could not be" in line for line in report.splitlines())
    line = f"{listed - unknown} of {listed} packages were looked up in PyPI's database of vulnerabilities"
    if unknown > listed * MOST_UNKNOWN:
        return 1, f"{line}: the audit is not valid; run it where pip reaches https://pypi.org"
    return 0, line


def main(arguments: list[str]) -> int:
    """Run the command line."""
    packages, report = (Path(name).read_text() for name in arguments)
    code, line = verdict(packages, report)
    print(line, file=sys.stderr if code else sys.stdout)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
