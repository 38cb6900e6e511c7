"""Write docs/benchmarks.md, and the figures in README.md, from docs/benchmarks.json.

.venv/bin/python -m benchmarks.page
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.measurements import ROOT, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE, README = Path("docs/benchmarks.md"), Path("README.md")
HEAD: Final = """\
# Benchmarks

Written by `make bench` from [`benchmarks.json`](benchmarks.json); `make bench PART=warm_serialize` measures one
part again. Each ratio is ours divided by what is beside it: below 1 ours takes less. The programs of a row ran
in turns in one run, so that other work on the machine disturbs all of them alike. A cell is the median of the
ratios of all rounds, in brackets the lowest and the highest, and the number of rounds. Nothing on this page was
measured on AWS.
"""
_README: Final = re.compile(r"(?<=<!-- benchmarks: begin -->\n)(?s:.*)(?=<!-- benchmarks: end -->)")
START: Final = (
    "Measured side by side, ours divided by the other; [benchmarks](docs/benchmarks.md) has the spread, the method and "
    "where the other takes less."
)
IN_README: Final = (
    (
        "CPU time of Serialize for a JPEG of 12 megapixels: **{}** of decode-and-resize.",
        ("warm_serialize", "JPEG, 12 MP", "decode and resize", "CPU time"),
    ),
    (
        "CPU time of Classify's cold start: **{}** of a function with SageMaker's SDK,",
        ("cold_starts", "Classify", "textbook", "CPU time of a start"),
    ),
    (
        "and **{}** of its memory.",
        ("cold_starts", "Classify", "textbook", "peak memory"),
    ),
    (
        "CPU time of the endpoint for a request, with 16 clients: **{}** of Flask with eager PyTorch,",
        ("endpoint_clients", "16 clients", "Flask, eager PyTorch", "CPU time of a request"),
    ),
    (
        "and **{}** of the same model without HTTP.",
        ("endpoint_clients", "16 clients", "onnxruntime in-process", "CPU time of a request"),
    ),
)
"""README's sentences, each with the part, case, other and quantity of its ratio."""
WIDTH: Final = 120
ORDER: Final = (
    "cold_starts",
    "warm_serialize",
    "endpoint_clients",
    "pipeline",
    "durable_function",
    "textbook_model",
)


def page_of(document: dict[str, Any]) -> str:
    """Return the page."""
    parts = (section(document[name], name) for name in ORDER if name in document)
    return "\n".join((HEAD, *parts))


def section(part: dict[str, Any], name: str) -> str:
    """Return one part: how it was measured, its ratios, its counts."""
    cpu, cores = part["machine"]["cpu"], part["machine"]["cores"]
    method = textwrap.fill(part["method"], WIDTH, break_on_hyphens=False, break_long_words=False)
    lines = [f"## {part['title']}", "", method, ""]
    lines += [f"`benchmarks/{name}.py`, {part['measured_on']}, {cores} cores of {cpu}.", ""]
    for quantity in dict.fromkeys(row["quantity"] for row in part["ratios"]):
        lines += [*ratio_table([row for row in part["ratios"] if row["quantity"] == quantity]), ""]
    if part["counts"]:
        lines += [*count_table(part["counts"]), ""]
    return "\n".join(lines)


def ratio_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table of one quantity: a row for each case, a column for each thing beside ours."""
    besides = list(dict.fromkeys(row["beside"] for row in rows))
    yield f"| {rows[0]['quantity']} | ours | {' | '.join(f'ours / {beside}' for beside in besides)} |"
    yield f"|---{'|---' * (len(besides) + 1)}|"
    for case in dict.fromkeys(row["case"] for row in rows):
        found = {row["beside"]: row for row in rows if row["case"] == case}
        ours = next(iter(found.values()))
        cells = (ratio_cell(found[beside]) if beside in found else "" for beside in besides)
        yield f"| {case} | {number(ours['subject_median'])} {ours['unit']} | {' | '.join(cells)} |"


def ratio_cell(row: dict[str, Any]) -> str:
    """Return the median, the spread and the number of rounds."""
    spread = f"{number(row['lowest'])}-{number(row['highest'])}"
    return f"**{number(row['median'])}** ({spread}; {row['runs']})"


def count_table(rows: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table of figures without chance."""
    yield "| | ours | beside | | |"
    yield "|---|---|---|---|---|"
    for row in rows:
        ours, beside = (with_unit(row[side], row["unit"]) for side in ("ours", "beside"))
        yield f"| {row['what']} | {ours} | {beside} | {row['of']} | {row['source']} |"


def with_unit(value: float, unit: str) -> str:
    """Return a figure with its unit, as a reader writes it."""
    return f"${number(value)}" if unit == "$" else f"{number(value)} {unit}".rstrip()


def number(value: float) -> str:
    """Return three significant digits, without an exponent, with commas."""
    if value and abs(value) < 100:  # noqa: PLR2004 - three digits
        text = f"{float(f'{value:.3g}'):.10f}"
        return text.rstrip("0").rstrip(".")
    return f"{round(value):,}"


def find(document: dict[str, Any], part: str, case: str, beside: str, quantity: str) -> dict[str, Any]:
    """Return one ratio of the document."""
    (row,) = (
        row
        for row in document[part]["ratios"]
        if (row["case"], row["beside"], row["quantity"]) == (case, beside, quantity)
    )
    return dict(row)


def written(root: Path) -> dict[Path, str]:
    """Return the expected content of the pages."""
    document = read_document(root / "docs" / "benchmarks.json")
    readme = (root / README).read_text(encoding="utf-8")
    return {
        PAGE: page_of(document),
        README: _README.sub(lambda _: in_readme(document), readme, count=1),
    }


def in_readme(document: dict[str, Any]) -> str:
    """Return README's sentences about speed: what they compare, and the median ratio."""
    figures = (number(find(document, *place)["median"]) for _, place in IN_README)
    sentences = (sentence.format(figure) for (sentence, _), figure in zip(IN_README, figures, strict=True))
    text = f"{START} {' '.join(sentences)}"
    return textwrap.fill(text, WIDTH, break_on_hyphens=False, break_long_words=False) + "\n"


def main() -> None:
    """Write the pages."""
    for path, text in written(ROOT).items():
        (ROOT / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
