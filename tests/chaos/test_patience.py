"""How long the workflow waits for an unavailable service, by its definition and random jitter."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SIX_HOURS_S = 6 * 3600
AWAY = {"EndpointUnavailableError", "StorageUnavailableError", "Lambda.ServiceException"}
TRIALS = 1000


def patient_retriers() -> Iterator[Any]:
    states = json.loads((ROOT / "statemachine" / "classify_image.asl.json").read_text())["States"]
    for name, state in states.items():
        for retrier in state.get("Retry", []):
            if AWAY & set(retrier["ErrorEquals"]):
                yield pytest.param(retrier, id=name)


def patience_s(retrier: dict[str, Any], chance: random.Random) -> float:
    """Simulate how long one execution retries, if attempts take no time."""
    delays = (
        min(retrier["IntervalSeconds"] * retrier["BackoffRate"] ** attempt, retrier["MaxDelaySeconds"])
        for attempt in range(retrier["MaxAttempts"])
    )
    return sum(chance.uniform(0, delay) for delay in delays)


@pytest.mark.parametrize("retrier", list(patient_retriers()))
def test_an_outage_of_six_hours_is_outlasted_by_every_one_of_a_thousand_executions(
    retrier: dict[str, Any],
) -> None:
    assert retrier["JitterStrategy"] == "FULL"
    chance = random.Random(1)  # noqa: S311 - the same dice each time
    assert min(patience_s(retrier, chance) for _ in range(TRIALS)) > SIX_HOURS_S
