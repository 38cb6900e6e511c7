"""The table of prices: what each unit costs in us-east-1, where that was read, and when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices in dollars by name.

    Attributes
    ----------
    unit
        Dollars for one of what the name says: a request, a GB-second, a GB-month.
    instance_hour
        Dollars for an hour of an endpoint's instance, by its type.
    read_on
        ISO date on which the prices were read.
    """

    region: str
    read_on: str
    unit: Mapping[str, float]
    instance_hour: Mapping[str, float]


@cache
def read_prices() -> PriceTable:
    """Read the table that is part of this package."""
    table = json.loads(files("scones.cost").joinpath("prices.json").read_text("utf-8"))
    return PriceTable(
        region=table["region"],
        read_on=table["read_on"],
        unit={name: float(price["dollars"]) for name, price in table["prices"].items()},
        instance_hour={name: float(dollars) for name, dollars in table["endpoint_hours"]["dollars"].items()},
    )
