"""`scones cost`: what a stack has cost, what that is a month and an image, and what would cut it."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click
from rich.text import Text

from scones.connection import Target, cloud_options, connect
from scones.cost.bill import Bill, Line, make_bill
from scones.cost.consumption import ConsumptionReader
from scones.cost.cuts import Cut, cuts
from scones.cost.metric_sums import BilledPeriod
from scones.cost.price_table import PriceTable, read_prices
from scones.errors import SconesError
from scones.result_query import Moment
from scones.stack import describe_stack, list_resources, read_stack
from scones.terminal import Column, comma, is_piped, notice, out, print_json, print_rows

if TYPE_CHECKING:
    from scones.connection import Connection

_LEAST: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(days=455)
"""CloudWatch keeps hourly values so long (API reference, GetMetricData)."""


@click.command()
@click.option(
    "--since", type=Moment(), default="30d", show_default=True, help="Since when: 1d, 4w or an ISO time."
)
@click.option(
    "--endpoint-hour",
    type=click.FloatRange(min=0),
    metavar="DOLLARS",
    help="Price of an hour of one of the endpoint's instances, instead of the table's.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document and nothing else.")
@cloud_options
def cost(target: Target, *, since: datetime, endpoint_hour: float | None, as_json: bool) -> None:
    """Say what a stack has cost, from its own metrics and list prices of us-east-1.

    It is an estimate to decide by, not an invoice: free tiers, discounts, data that leaves the region and requests
    with a key of your own are not in it.
    """
    connection = connect(target)
    stack, prices = read_stack(connection), read_prices()
    cloudformation = connection.cloudformation()
    looked_at = period(connection, since)
    used = ConsumptionReader(
        connection, stack, list_resources(cloudformation, connection.stack), looked_at
    ).read()
    bill = make_bill(used, prices, endpoint_hour)
    proposals = cuts(bill, used, prices)
    region = cloudformation.meta.region_name
    if as_json:
        about = {
            "stack": stack.name,
            "region": region,
            "prices": about_prices(prices),
            **looked_at.as_document(),
        }
        print_json(about | as_document(bill, proposals))
        return
    print_bill(bill, looked_at)
    print_cuts(bill, proposals)
    notice(prices_text(region, prices))


def period(connection: "Connection", since: datetime) -> BilledPeriod:
    """Return the period in whole hours: from `since`, or from when the stack was made, until now.

    Raises
    ------
    SconesError
        When `since` is not in the past, or longer ago than metrics are kept.
    """
    now = datetime.now(UTC)
    if since >= now:
        message = "--since is not in the past"
        raise SconesError(message)
    if now - since > _LONGEST:
        message = (
            f"CloudWatch keeps metrics for {_LONGEST.days} days: --since {_LONGEST.days}d is the longest"
        )
        raise SconesError(message)
    made = describe_stack(connection).get("CreationTime", since)
    began = max(since.astimezone(UTC), made.astimezone(UTC))
    began = min(began, now - _LEAST)
    return BilledPeriod(began.replace(minute=0, second=0, microsecond=0), now)


def about_prices(prices: PriceTable) -> dict[str, str]:
    """Return of which region and day the prices are."""
    return {"region": prices.region, "read_on": prices.read_on}


def as_document(bill: Bill, proposals: list[Cut]) -> dict[str, Any]:
    """Return what `scones cost --json` prints."""
    return {
        "images": bill.images,
        "dollars": bill.total,
        "complete": not bill.unknown,
        "dollars_per_image": bill.per_image,
        "dollars_per_month": bill.month,
        "services": bill.by_service,
        "lines": [asdict(line) for line in bill.lines],
        "cuts": [asdict(cut) for cut in proposals],
    }


def print_bill(bill: Bill, looked_at: BilledPeriod) -> None:
    """Print the lines for a person, the dearest first, those that are not known last."""
    lines = sorted(bill.lines, key=lambda line: (line.dollars is None, -(line.dollars or 0.0)))
    print_rows(
        Column("what"),
        [
            Column("service"),
            Column("dollars", right=True),
            Column("share", right=True),
            Column("from", is_prose=True),
        ],
        [_row(line, bill.total) for line in lines],
    )
    if is_piped():
        return
    console = out()
    console.print()
    for name, value in totals(bill, looked_at):
        console.print(f"{name:<26}{value}")


def totals(bill: Bill, looked_at: BilledPeriod) -> list[tuple[str, str]]:
    """Say the sums of a bill, each with its name."""
    least = "at least " if bill.unknown else ""
    each = "no images with an outcome" if bill.per_image is None else f"{least}{money(bill.per_image)}"
    month = "unknown" if bill.month is None else f"{least}{money(bill.month)}"
    found = [
        (f"{looked_at.hours / 24:,.1f} days", f"{least}{money(bill.total)}"),
        ("an image", f"{each} ({comma(round(bill.images), 'image', 'images')})" if bill.images else each),
        ("a month like these", month),
    ]
    if bill.total:
        services = ", ".join(f"{name} {money(dollars)}" for name, dollars in bill.by_service.items())
        found.append(("by service", services))
        dearest = max(bill.lines, key=lambda line: line.dollars or 0.0)
        share = (dearest.dollars or 0.0) / bill.total
        found.append(("dearest", f"{dearest.service}, {dearest.what}: {share:.0%}"))
    if bill.unknown:
        found.append(("not known", ", ".join(line.what for line in bill.unknown)))
    return found


def prices_text(region: str, prices: PriceTable) -> str:
    """Say of which region and day the prices are."""
    other = "" if region == prices.region else f"; this stack is in {region}, whose prices differ"
    return (
        f"List prices of {prices.region}, read on {prices.read_on}{other}. Not an invoice: without free tiers, "
        "discounts, and data that leaves the region."
    )


def print_cuts(bill: Bill, proposals: list[Cut]) -> None:
    """Print what would cut the bill; nothing in a pipe, where rows are lines of a table."""
    if is_piped() or not proposals:
        return
    console = out()
    console.print()
    for cut in proposals:
        line = bill.line(cut.key)
        saves = "" if cut.saves is None else f": saves {money(cut.saves)}"
        console.print(Text(f"To cut {line.what if line else cut.key}: {cut.do}{saves}"), soft_wrap=True)


def money(dollars: float) -> str:
    """Return dollars with enough digits to tell small sums from nothing."""
    if dollars == 0 or dollars >= 1:
        return f"${dollars:,.2f}"
    return f"${dollars:.2g}" if dollars >= 1e-4 else f"${dollars:.2e}"  # noqa: PLR2004


def _row(line: Line, total: float) -> list[str]:
    note = f"{line.origin}: {line.note}" if line.note else line.origin
    if line.dollars is None:
        return [line.what, line.service, "not known", "", line.note]
    share = f"{line.dollars / total:.0%}" if total else ""
    return [line.what, line.service, money(line.dollars), share, note]
