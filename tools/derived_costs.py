"""Derive the tables of cost in docs/capacity.md: `python -m tools.derived_costs`, part of `make docs`.

From the counts of the workflow that tests hold (`scones.cost.bill`), the table of prices, what was measured on the
local cloud (benchmarks/footprint.json), the templates, and rows of the page that other tests compute.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from scones.cost.bill import CHUNK_GB, HOURS_A_MONTH, STATES
from scones.cost.price_table import read_prices
from tools.transformed import MONITORING_TEMPLATE, TEMPLATE, template

ROOT: Final = Path(__file__).parents[1]
PAGE, FOOTPRINT = Path("docs/capacity.md"), Path("benchmarks/footprint.json")
DAYS: Final = (10_000, 1_000_000)
MILLION: Final = 1e6
GB: Final = 1e9
WRITE_UNITS: Final = 5
"""Of a passed image: the page's row, which a test counts."""
PHOTO_BYTES: Final = 3.4e6
"""An assumption of the page: a photo of a phone."""
EXPRESS_S: Final = 0.5
"""An assumption of the page: how long an EXPRESS execution of an image lasts."""
SWEEP_S, SWEEPS_A_DAY, SWEEP_GB = 1.0, 96, 0.5
"""An assumption of how long a sweep of nothing lasts; the others are of the template."""
BREAKER_S, BREAKER_RUNS_AN_HOUR, BREAKER_GB = 0.3, 60, 0.25
"""An assumption of how long a run of Breaker lasts that starts nothing; the others are of the template."""
_BLOCK: Final = "(?<=<!-- {name}: begin -->\n)(?s:.*?)(?=<!-- {name}: end -->)"

type Counts = dict[str, Any]


class Row(NamedTuple):
    """Dollars of a million passed images, or of a day of 10,000 and one of 1,000,000."""

    what: str
    million: float | None
    day: tuple[float, float] | None
    source: str

    @property
    def days(self) -> tuple[float, float]:
        """Dollars of both days."""
        if self.day is not None:
            return self.day
        small, large = (images / MILLION * (self.million or 0.0) for images in DAYS)
        return small, large


def day_rows(page: str, footprint: Counts) -> list[Row]:
    """Return what a day costs, endpoint, storage and data transfer excluded."""
    unit, passed = read_prices().unit, footprint["outcomes"]["passed"]
    states = STATES["passed"]
    s3 = 2 * unit["s3_put"] + unit["s3_get"]
    logs = passed["log_bytes"] / GB * unit["log_gb"]
    return [
        Row(f"{states} states, STANDARD", MILLION * states * unit["standard_transition"], None, "a test counts them"),
        Row("Lambda", lambda_million(page), None, "the assumptions above"),
        Row(f"{WRITE_UNITS} write units", MILLION * WRITE_UNITS * unit["dynamodb_write_unit"], None, "as above"),
        Row("S3: upload, read, result", MILLION * s3, None, "three requests"),
        Row("events of upload and result", MILLION * 2 * unit["event"], None, "half of it with `ResultEvents=false`"),
        Row(f"log lines, {passed['log_bytes']:,} bytes", MILLION * logs, None, "measured"),
        Row("traces, at most", None, traces(unit), "X-Ray's default rule: one a second, 5 % of the others"),
        Row("audits of 2 %", dollars_in(page, r"audits cost \$([\d.]+) a million"), None, "below"),
        Row("the sweep", None, both_in(page, "| The sweep, a day"), "a test simulates the day"),
        Row("metrics, alarms, dashboard", None, both_in(page, "| CloudWatch:"), "a test counts them"),
    ]  # fmt: skip


def traces(unit: Mapping[str, float]) -> tuple[float, float]:
    """Return the dollars of both days: the first request of each second is recorded, and 5 % of the others."""
    seconds = 86_400
    small, large = (
        (min(images, seconds) + 0.05 * max(0, images - seconds)) * unit["trace"] for images in DAYS
    )
    return small, large


def stored_rows(footprint: Counts) -> list[tuple[str, float, str]]:
    """Return what a million images cost for each month that they are kept."""
    unit, passed = read_prices().unit, footprint["outcomes"]["passed"]
    claims = passed["claim_bytes"] * (unit["dynamodb_gb_month"] + unit["dynamodb_backup_gb_month"])
    claims += passed["index_bytes"] * unit["dynamodb_gb_month"]
    return [
        ("photos of 3.4 MB", MILLION * PHOTO_BYTES / GB * unit["s3_gb_month"], "`ImageDays`"),
        (
            f"results, {passed['document_bytes']:,} bytes",
            MILLION * passed["document_bytes"] / GB * unit["s3_gb_month"],
            "`ResultDays`",
        ),
        (
            f"claims, {passed['claim_bytes']:,} bytes with backup, {passed['index_bytes']:,} in indexes",
            MILLION * claims / GB,
            "`ClaimDays`",
        ),
        (
            "log lines, not compressed",
            MILLION * passed["log_bytes"] / GB * unit["log_gb_month"],
            "`LogRetentionDays`",
        ),
    ]


def others(footprint: Counts) -> list[tuple[str, float, str]]:
    """Return what a million images cost that are not simply passed, in addition."""
    unit, outcomes = read_prices().unit, footprint["outcomes"]
    express = unit["express_request"] + EXPRESS_S * CHUNK_GB * unit["express_gb_second"]
    more = STATES["review"] - STATES["passed"]
    mail = unit["sns_publish"] + unit["sns_email"]
    fewer = (outcomes["passed"]["log_bytes"] - outcomes["rejected"]["log_bytes"]) / GB * unit["log_gb"]
    return [
        (f"a review: {more} states more", MILLION * more * unit["standard_transition"], "STANDARD"),
        ("a review: a message and an e-mail", MILLION * mail, "`ReviewEmail`; per address"),
        ("a rejected image: fewer log lines", -MILLION * fewer, "measured"),
        ("EXPRESS instead of the 7 states", MILLION * express, "half a second, 64 MB"),
        (
            "backfill: its own states",
            MILLION * (unit["standard_transition"] + express),
            "EXPRESS child that waits, and a transition of the map for it (assumed)",
        ),
    ]


def idle_rows(footprint: Counts) -> list[tuple[str, float]]:
    """Return what a month without images costs with all defaults."""
    unit = read_prices().unit
    metrics, alarms = footprint["idle_metrics"], alarm_metrics(off=False)
    sweeps = SWEEPS_A_DAY * HOURS_A_MONTH / 24
    sweep = sweeps * (unit["lambda_request"] + SWEEP_S * SWEEP_GB * unit["lambda_gb_second"])
    runs = BREAKER_RUNS_AN_HOUR * HOURS_A_MONTH
    run = unit["lambda_request"] + BREAKER_S * BREAKER_GB * unit["lambda_gb_second"]
    run += unit["cloudwatch_request"] + unit["sqs_request"]
    reads = sweeps * 64 * 0.5 * unit["dynamodb_read_unit"]
    return [
        (f"{metrics} metrics of the sweep, measured", metrics * unit["metric_month"]),
        (f"{alarms} metrics of the alarms that are on", alarms * unit["alarm_metric_month"]),
        ("the dashboard", unit["dashboard_month"]),
        ("the secret of the audit", unit["secret_month"]),
        (f"{sweeps:,.0f} sweeps of a second (assumed), 64 queries each", sweep + reads),
        (f"{runs:,.0f} runs of Breaker of {BREAKER_S} s (assumed): a metric, a queue", runs * run),
    ]


def alarm_metrics(*, off: bool) -> int:
    """Count the metrics of all alarms; without `off`, those of a condition that a parameter turns on are left out."""
    return sum(
        sum("MetricStat" in query for query in alarm["Properties"].get("Metrics", [])) or 1
        for path in (MONITORING_TEMPLATE, TEMPLATE)
        for alarm in template(path)["Resources"].values()
        if alarm["Type"] == "AWS::CloudWatch::Alarm" and (off or "Condition" not in alarm)
    )


def lambda_million(page: str) -> float:
    """Return what the page says of Lambda for a day of a million."""
    return both_in(page, "| Lambda (")[1]


def both_in(page: str, row: str) -> tuple[float, float]:
    """Return the dollars of both days in a row of the page."""
    (line,) = [one for one in page.splitlines() if one.startswith(row)]
    small, large = (
        float(found[1]) for cell in line.split("|")[2:4] if (found := re.search(r"\$([\d.]+)", cell))
    )
    return small, large


def dollars_in(page: str, pattern: str) -> float:
    """Return the dollars that the page says."""
    found = re.search(pattern, page)
    if found is None:
        message = f"docs/capacity.md does not have {pattern}"
        raise ValueError(message)
    return float(found[1])


def tables(page: str, footprint: Counts) -> dict[str, str]:
    """Return the blocks of the page by their names."""
    rows = day_rows(page, footprint)
    day = "| A passed image | a million | 10,000 a day | 1,000,000 a day | from |\n|---|---|---|---|---|\n"
    for row in rows:
        million = "" if row.million is None else f"${row.million:,.2f}"
        day += f"| {row.what} | {million} | ${row.days[0]:,.2f} | ${row.days[1]:,.2f} | {row.source} |\n"
    small, large = (sum(row.days[size] for row in rows) for size in (0, 1))
    day += f"| **in all, a day** | | **${small:,.2f}** | **${large:,.2f}** | |\n"
    kept = "| Kept | a million, each month | ends with |\n|---|---|---|\n"
    kept += "".join(
        f"| {what} | ${dollars:,.2f} | {ends} |\n" for what, dollars, ends in stored_rows(footprint)
    )
    other = "| More or less | a million | |\n|---|---|---|\n"
    other += "".join(f"| {what} | {signed(dollars)} | {why} |\n" for what, dollars, why in others(footprint))
    idle = "| Idle | a month |\n|---|---|\n"
    idle += "".join(f"| {what} | ${dollars:,.2f} |\n" for what, dollars in idle_rows(footprint))
    idle += f"| **in all** | **${sum(dollars for _, dollars in idle_rows(footprint)):,.2f}** |\n"
    return {"costs of a day": day, "costs of keeping": kept, "other costs": other, "costs of idling": idle}


def signed(dollars: float) -> str:
    """Return dollars with a minus before the sign."""
    return f"${dollars:,.2f}" if dollars >= 0 else f"-${-dollars:,.2f}"


def derived(root: Path) -> str:
    """Return the expected content of the page."""
    page = (root / PAGE).read_text(encoding="utf-8")
    footprint = json.loads((root / FOOTPRINT).read_text(encoding="utf-8"))
    for name, text in tables(page, footprint).items():
        blocks = re.findall(_BLOCK.format(name=name), page)
        if len(blocks) != 1:
            message = f"docs/capacity.md has {len(blocks)} blocks named {name}"
            raise ValueError(message)
        begin = f"<!-- {name}: begin -->\n"
        page = page.replace(begin + blocks[0], begin + text)
    return page


if __name__ == "__main__":
    (ROOT / PAGE).write_text(derived(ROOT), encoding="utf-8")
