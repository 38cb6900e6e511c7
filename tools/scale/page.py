"""Write the tables of docs/scale.md: `python -m tools.scale.page`, which takes half a minute (`make scale`)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from samcli.yamlhelper import yaml_parse

from tools.scale.quotas import ASKING_S, LAMBDA_S, QUOTAS, Quota, met_first
from tools.scale.simulation import Account, Run, simulate, steady

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = Path("docs/scale.md")
CHECK: Final = Path("benchmarks/scale_check.json")
RATES: Final = (1, 10, 100, 1_000, 10_000)
SECONDS_SIMULATED: Final = {1: 300.0, 10: 300.0, 100: 120.0, 1_000: 60.0, 10_000: 15.0}
SECONDS: Final = (LAMBDA_S - ASKING_S - 0.05, ASKING_S, 0.05)
"""Of Serialize, Classify and Filter: together the page's assumption."""
DEFAULT: Final = Account((1_300, 300), (5_000, 5_000), 1_000, SECONDS, 200)
EXPRESS: Final = Account((6_000, 6_000), None, 1_000, SECONDS, 200)
OUTAGE_HOURS: Final = 8
HELD_DAYS: Final = 14
"""How long the queue of held images keeps a message."""
_BLOCK: Final = "(?<=<!-- {name}: begin -->\n)(?s:.*?)(?=<!-- {name}: end -->)"


def quota_rows() -> str:
    """Return the table of quotas: how full each is at each rate."""
    head = " | ".join(f"{rate:,}/s" for rate in RATES)
    text = f"| Limit | default | {head} | moved by |\n|---|---|{'---|' * len(RATES)}---|\n"
    for quota in QUOTAS:
        shares = " | ".join(percent(quota, rate) for rate in RATES)
        text += f"| {quota.name} | {quota.limit:,.0f} | {shares} | {quota.moved_by} |\n"
    return text


def percent(quota: Quota, rate: float) -> str:
    """Return the share of a quota, in bold where it is exceeded."""
    share = quota.share(rate)
    text = f"{share:,.0%}" if share >= 0.01 else "< 1 %"  # noqa: PLR2004
    text = text.replace("%", " %").replace("  ", " ")
    return f"**{text}**" if share > 1 else text


def first_rows() -> str:
    """Return what is met first at each rate."""
    text = "| Images a second | a day | STANDARD meets | EXPRESS meets |\n|---|---|---|---|\n"
    for rate in RATES:
        cells = (
            ", then ".join(told(quota, rate) for quota in met_first(rate, express=one))
            for one in (False, True)
        )
        text += f"| {rate:,} | {rate * 86_400:,} | {' | '.join(cells)} |\n"
    return text


def told(quota: Quota, rate: float) -> str:
    """Name a quota and how full it is."""
    return f"{quota.name} ({percent(quota, rate).strip('*')})"


def simulated_rows() -> str:
    """Return what images wait for at each rate, with default quotas."""
    text = "| Images a second, for | workflow | half done within | 99 % within | calls an image |\n"
    text += "|---|---|---|---|---|\n"
    for rate in RATES:
        for name, account in (("STANDARD", DEFAULT), ("EXPRESS", EXPRESS)):
            text += simulated_row(rate, name, account)
    return text


def simulated_row(rate: int, name: str, account: Account) -> str:
    """Simulate one row."""
    seconds = SECONDS_SIMULATED[rate]
    run = simulate(steady(rate, seconds), account)
    return f"| {rate:,}, {seconds:,.0f} s | {name} | {said(run)} |\n"


def said(run: Run) -> str:
    """Return the cells of a run."""
    return f"{run.quantile(0.5):,.2f} s | {run.quantile(0.99):,.1f} s | {run.attempts_each:.2f}"


def outage_rows(root: Path) -> str:
    """Return how long it takes to start what the breaker holds during an outage, at the lowest and highest rate."""
    limits = yaml_parse((root / "template.yaml").read_text())["Parameters"]["DrainPerSecond"]
    drains = limits["Default"], limits["MaxValue"]
    text = "| Images a second | held | " + " | ".join(f"started at {drain} a second" for drain in drains)
    text += " |\n|---|---|---|---|\n"
    for rate in RATES:
        held = rate * OUTAGE_HOURS * 3600
        text += f"| {rate:,} | {held:,} | {' | '.join(_drained(held / drain) for drain in drains)} |\n"
    return text


def _drained(seconds: float) -> str:
    hours = seconds / 3600
    text = f"{seconds / 60:,.0f} min" if hours < 1 else f"{hours:,.1f} h"
    return f"**{text}**" if hours > HELD_DAYS * 24 else text


def checked_rows(root: Path) -> str:
    """Return what was measured on the local cloud beside what the simulation foretold."""
    found = json.loads((root / CHECK).read_text(encoding="utf-8"))
    text = "| Of | half done within | 90 % | 99 % | calls of Classify an image |\n|---|---|---|---|---|\n"
    for name, title in (
        ("burst", f"{found['burst']['images']} images at once"),
        ("throttled", f"{found['throttled']['images']} at once, 60 % of requests throttled"),
    ):
        for kind in ("measured", "simulated"):
            times = " | ".join(
                f"{found[name][share][f'{kind}_s']:.1f} s" for share in ("half", "90 %", "99 %")
            )
            calls = found[name].get("classify_calls_an_image", {}).get(kind)
            text += f"| {title}, {kind} | {times} | {'' if calls is None else f'{calls:.2f}'} |\n"
    return text


def written(root: Path) -> str:
    """Return the expected content of the page."""
    page = (root / PAGE).read_text(encoding="utf-8")
    for name, text in (
        ("quotas", quota_rows()),
        ("first", first_rows()),
        ("simulated", simulated_rows()),
        ("checked", checked_rows(root)),
        ("outage", outage_rows(root)),
    ):
        (block,) = re.findall(_BLOCK.format(name=name), page)
        page = page.replace(f"<!-- {name}: begin -->\n{block}", f"<!-- {name}: begin -->\n{text}")
    return page


if __name__ == "__main__":
    (ROOT / PAGE).write_text(written(ROOT), encoding="utf-8")
