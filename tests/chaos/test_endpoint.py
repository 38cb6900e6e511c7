"""An endpoint that fails in 20 % of requests, in each way, and one that is unavailable for six hours."""

from __future__ import annotations

import pytest

from tests.chaos.scenarios import WAIT_SCALE, Begin, Finish
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults, injected, set_wait_scale
from tests.local_cloud.scenario import Scenario
from tests.local_cloud.table import Row

pytestmark = [pytest.mark.local_cloud, pytest.mark.long, pytest.mark.timeout(1200)]

TIMEOUT_S = 600
FOR_GOOD = {
    "garbage": "InvalidPredictionError",
    "wrong-length": "InvalidPredictionError",
    "nan": "InvalidPredictionError",
}
PASSING = {
    "throttle": "EndpointThrottledError",
    "internal": "EndpointUnavailableError",
    "unavailable": "EndpointUnavailableError",
    "not-ready": "EndpointUnavailableError",
    "cut": "EndpointUnavailableError",
    "hang": "EndpointUnavailableError",
    "deleted": "EndpointNotFoundError",  # as SageMaker answers while an endpoint is being created
}
SIX_HOURS_S, OUTAGE_SCALE = 6 * 3600, 1 / 120


def run(cloud: LocalCloud, scenario: Scenario, images: int, kind: str, seconds: float | None = None) -> Row:
    with endpoint_faults(cloud, kind, rate=0.2, seconds=seconds):
        scenario.drop(images)
        seconds = scenario.wait(TIMEOUT_S)
        hits = injected(cloud).get(kind, 0)
    row = scenario.row(seconds)
    row.require(hits > 0, "no request was hit")
    row.require(row.died == 0, f"{row.died} executions died")
    row.notes.append(f"ok; {hits} requests hit")
    return row


@pytest.mark.parametrize("kind", PASSING)
def test_a_fault_that_passes_leaves_no_trace(
    cloud: LocalCloud, begin: Begin, finish: Finish, kind: str
) -> None:
    images = 40 if kind == "hang" else 100  # a hang takes twenty seconds, whatever the scale
    row = run(cloud, begin(cloud, f"20 % {kind}"), images, kind)
    row.require(row.failed == 0, f"{row.failed} images failed")
    finish(row)


@pytest.mark.parametrize("kind", FOR_GOOD)
def test_a_fault_for_good_is_an_outcome_and_an_alert(
    cloud: LocalCloud, begin: Begin, finish: Finish, kind: str
) -> None:
    row = run(cloud, begin(cloud, f"20 % {kind}"), 100, kind)
    row.require(row.failed > 0, "no image failed")
    row.require(row.alerts == row.failed, f"{row.alerts} alerts about {row.failed} failed images")
    finish(row)


def test_an_endpoint_that_is_gone_for_six_hours(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    """Six hours of the workflow's time, in which its retries wait as they do on AWS."""
    scenario = begin(cloud, "endpoint gone for 6 h")
    outage_s = SIX_HOURS_S * OUTAGE_SCALE
    set_wait_scale(cloud, OUTAGE_SCALE)
    try:
        with endpoint_faults(cloud, "gone", seconds=outage_s):
            scenario.drop(20)
            row = scenario.row(scenario.wait(TIMEOUT_S))
    finally:
        set_wait_scale(cloud, WAIT_SCALE)
    attempts = scenario.failed_attempts("EndpointUnavailableError")
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.require(row.seconds > outage_s, "it was over before the endpoint came back")
    row.require(attempts > 20 * row.images, f"only {attempts} failed attempts")
    row.require(row.died == 0, f"{row.died} executions died")
    row.notes.append(f"ok; {attempts / row.images:.0f} attempts each")
    finish(row)
