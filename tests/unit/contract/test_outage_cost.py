"""Eight hours without the endpoint, at a million images a day, cost at most $10: simulated with the breaker's rule."""

import json
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from breaker.circuit import Minute, ProbeResult, next_pause, probe_is_due, with_probe
from breaker.intake_rules import OVERLAP
from breaker.pause_state import Pause
from classify.breaker import MAX_AGE_S
from scones.cost.price_table import read_prices
from tests.static.definitions import states

A_DAY, HOURS = 1_000_000, 8
BEGAN = datetime(2026, 11, 27, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LATE_MINUTES = 3
"""An assumption: how late the metric of a minute is there."""
SERIALIZE_S, SERIALIZE_GB, CLASSIFY_GB = 0.5, 1769 / 1024, 0.25
DRAIN_PER_SECOND = 20


class Outage(NamedTuple):
    """States and seconds of Classify that would not be there without it, and what was held."""

    states: int
    calls: int
    parked: int
    held: int
    probes: int
    opened_after: timedelta


def simulate(root: Path) -> Outage:
    """Take every image of the minutes until uploads are held through its retries; the rest is held."""
    definition = dict(states(json.loads((root / "statemachine" / "classify_image.asl.json").read_text())))
    retry = definition["Classify"]["Retry"][0]
    path = ["Claim image", "Serialize image", "Classify", "Park claim", "Hold image", "Parked"]
    assert definition["Park claim"]["Next"] == "Hold image"
    assert definition["Hold image"]["Next"] == "Parked"
    chance, per_minute = random.Random(1), A_DAY / 1440  # noqa: S311
    arrivals = [
        number * 60 / per_minute for number in range(int(per_minute * 15))
    ]  # seconds after the failure began

    def attempts(arrived: float, until: float) -> list[float]:
        moments, now = [arrived], arrived
        for attempt in range(retry["MaxAttempts"]):
            longest = min(
                retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt, retry["MaxDelaySeconds"]
            )
            now += chance.uniform(0, longest)
            moments.append(now)
            if now >= until:
                break
        return moments

    # When does it open? The rule sees the minutes that are there.
    calls = [moment for arrived in arrivals for moment in attempts(arrived, 900.0)]
    pause, now, probe, probes = Pause(paused=False), BEGAN, None, 0
    opened = BEGAN
    while now < BEGAN + timedelta(hours=HOURS):
        now += MINUTE
        age = (now - BEGAN) // MINUTE - LATE_MINUTES
        seen = [] if pause.paused else [
            Minute(BEGAN + minute * MINUTE, count, count)
            for minute in range(age)
            if (count := sum(minute * 60 <= call < minute * 60 + 60 for call in calls))
        ]  # fmt: skip
        was = pause
        pause = next_pause(pause, now, seen, probe, 0.5)
        if pause.paused and not was.paused:
            opened = now
        probe = None
        if probe_is_due(pause, now):
            pause, probe, probes = with_probe(pause, now, "arn"), ProbeResult.FAILED, probes + 1
    assert pause.paused

    known = (opened - BEGAN).total_seconds() + MAX_AGE_S  # by every copy of Classify
    held_from = (
        opened - BEGAN + OVERLAP + MINUTE
    ).total_seconds()  # the run after the overlap disables the rule
    more_states = more_calls = parked = 0
    for arrived in arrivals:
        if arrived >= held_from:
            break
        tried = attempts(arrived, max(known, arrived))
        more_states += len(path) + len(tried) - 1
        more_calls += len(tried)
        parked += 1
    held = round(A_DAY * HOURS / 24) - parked
    return Outage(more_states + probes * len(path), more_calls, parked, held, probes, opened - BEGAN)


def dollars(outage: Outage, call_s: float) -> float:
    """Return what an outage costs whose failing calls take this long; the images' own seven states come later."""
    unit = read_prices().unit
    twice = (outage.parked + outage.probes) * SERIALIZE_S * SERIALIZE_GB * unit["lambda_gb_second"]
    classify = outage.calls * (call_s * CLASSIFY_GB * unit["lambda_gb_second"] + unit["lambda_request"])
    drain_s = (outage.held + outage.parked) / DRAIN_PER_SECOND
    breaker = drain_s * CLASSIFY_GB * unit["lambda_gb_second"]
    queue = (
        (outage.held + outage.parked) * 1.2 * unit["sqs_request"]
    )  # a send each; receives and deletes by ten
    claims = outage.parked * 4 * unit["dynamodb_write_unit"]  # claim and park, in the table and the index
    return outage.states * unit["standard_transition"] + twice + classify + breaker + queue + claims


def test_eight_hours_at_a_million_a_day_cost_at_most_ten_dollars(root: Path) -> None:
    outage = simulate(root)
    assert outage.opened_after <= timedelta(minutes=LATE_MINUTES + 2)
    assert outage.probes >= HOURS * 2
    fast, slow = dollars(outage, 0.1), dollars(outage, 42.0)
    assert slow <= 10
    page = (root / "docs" / "capacity.md").read_text()
    said = re.search(
        r"the breaker.*?from \$([\d.]+) \(calls of 0\.1 s\) to \$([\d.]+) \(of 42 s\)", page, re.DOTALL
    )
    assert said
    assert said.groups() == (f"{fast:.2f}", f"{slow:.2f}"), outage
