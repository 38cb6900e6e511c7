"""The table of coverage: a line for each part of the product, and their sum."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from coverage import CoverageData

from tools.coverage_table import table


def test_each_part_and_the_total_are_shown() -> None:
    assert table(Counter(scones=3000, endpoint=1000), Counter(scones=600)) == [
        "endpoint       1,000 statements  100.0 % covered",
        "scones         3,000 statements   80.0 % covered",
        "total          4,000 statements   85.0 % covered",
    ]


def test_a_part_without_statements_is_left_out() -> None:
    assert [line.split()[0] for line in table(Counter(endpoint=0, scones=1), Counter(scones=1))] == [
        "scones",
        "total",
    ]


def test_templates_are_not_measured_as_if_they_were_python(root: Path, tmp_path: Path) -> None:
    program = tmp_path / "render.py"
    program.write_text(
        "from jinja2 import Environment, FileSystemLoader\n"
        "from scones.console import bar_chart\n"
        "templates = Environment(loader=FileSystemLoader('scones/console/templates'))\n"
        "print(templates.get_template('trouble_section.html').render(sentence='x'))\n"
    )
    measured = tmp_path / "data"
    subprocess.run(
        [sys.executable, "-m", "coverage", "run", f"--data-file={measured}", str(program)],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
    )
    data = CoverageData(str(measured))
    data.read()
    files = {Path(file).suffix for file in data.measured_files()}
    assert files == {".py"}  # `make coverage` cannot parse others
