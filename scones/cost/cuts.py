"""What would cut a bill: a sentence for each of its largest lines that somebody can make smaller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from scones.cost.bill import CHUNK_GB, WORKFLOW, Bill, Line
from scones.cost.consumption import Consumption
from scones.cost.price_table import PriceTable

LEAST_SHARE: Final = 0.05
"""Lines below this share of the total are not worth a sentence."""
_SERVERLESS_GB: Final = 2.0
"""Memory of the serverless endpoint that `training.deploy` makes unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Cut:
    """What to do, for which line, and the dollars of the period that it saves; None where that depends."""

    key: str
    do: str
    saves: float | None


def cuts(bill: Bill, used: Consumption, prices: PriceTable) -> list[Cut]:
    """Return what would cut the bill, for its largest lines first."""
    found = []
    for line in sorted(bill.lines, key=lambda one: -(one.dollars or 0.0)):
        if not line.dollars or line.dollars < LEAST_SHARE * bill.total:
            continue
        rule = _RULES.get(line.key) or _RULES.get(line.key.split(".")[0])
        if rule and (cut := rule(line, used, prices)):
            found.append(cut)
    return found


def _express(line: Line, used: Consumption, prices: PriceTable) -> Cut | None:
    machine = used.machines[WORKFLOW]
    do = (
        "WorkflowType=EXPRESS with a new stack: executions then end after five minutes, and the sweep retries"
    )
    if machine.executions is None or machine.took_ms is None or line.dollars is None:
        return Cut(line.key, do, None)
    unit = prices.unit
    express = machine.executions * unit["express_request"]
    express += machine.took_ms / 1000 * CHUNK_GB * unit["express_gb_second"]
    return Cut(line.key, do, line.dollars - express) if express < line.dollars else None


def _endpoint(line: Line, used: Consumption, prices: PriceTable) -> Cut | None:
    name = line.key.partition(".")[2]
    variant = next((one for one in used.variants or () if one.name == name), None)
    if variant is None or variant.memory_gb is not None:
        return None
    if not variant.invocations:
        return Cut(line.key, "delete the endpoint, or make it serverless: nobody asked it", line.dollars)
    if variant.seconds is None or line.dollars is None:
        return None
    serverless = variant.seconds * _SERVERLESS_GB * prices.unit["serverless_gb_second"]
    if serverless < line.dollars:
        do = f"a new serverless endpoint ({_SERVERLESS_GB:g} GB, if it answers as fast; it has cold starts)"
        return Cut(line.key, do, line.dollars - serverless)
    return None


def _says(do: str, *, all_of_it: bool = False) -> "Rule":
    def rule(line: Line, _used: Consumption, _prices: PriceTable) -> Cut:
        return Cut(line.key, do, line.dollars if all_of_it else None)

    return rule


type Rule = Callable[[Line, Consumption, PriceTable], Cut | None]

_RULES: Final[Mapping[str, Rule]] = {
    "states": _express,
    "endpoint": _endpoint,
    "events.results": _says("ResultEvents=false, if no rule of yours needs the results", all_of_it=True),
    "sns": _says("subscribe a queue or a page instead of e-mail addresses to the review topic"),
    "logs.storage": _says("a lower LogRetentionDays"),
    "s3.storage.ImageBucket": _says("ImageDays, after which images are deleted"),
    "s3.storage.ResultsBucket": _says("ResultDays, after which results are deleted"),
    "dynamodb.storage": _says("ClaimDays, after which claims are deleted; above SweepDays and ResultDays"),
    "traces": _says("an X-Ray sampling rule of your own with a lower rate"),
    "dashboards": _says("delete the dashboard by hand, if nobody looks at it", all_of_it=True),
}
