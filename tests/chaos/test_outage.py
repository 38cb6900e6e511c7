"""An endpoint that fails while images come and functions are killed: the breaker holds them, and each ends once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.scenarios import WAIT_SCALE, Begin, Finish
from tests.local_cloud.cloud import LocalCloud, open_cloud
from tests.local_cloud.faults import endpoint_faults, kill_workers, set_wait_scale
from tests.local_cloud.outage import held_images, pause_state, probe_now, run_breaker, uploads_start
from tests.local_cloud.shell import Shell, wait_until

pytestmark = [pytest.mark.local_cloud, pytest.mark.long, pytest.mark.timeout(1200)]

BEFORE, DURING, AFTER = 100, 200, 50
TIMEOUT_S, OPENS_S = 300, 180


@pytest.fixture
def breaking_cloud(root: Path, tmp_path: Path) -> Iterator[LocalCloud]:
    """A cloud with the breaker as it is deployed."""
    with open_cloud(Shell(root, tmp_path / "state")) as cloud:
        set_wait_scale(cloud, WAIT_SCALE)
        yield cloud


def test_an_outage_under_traffic(breaking_cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    cloud = breaking_cloud
    scenario = begin(cloud, "endpoint fails, the breaker holds")
    with endpoint_faults(cloud, "internal"):
        scenario.drop(BEFORE)
        wait_until(lambda: run_breaker(cloud)["paused"], lambda: f"closed: {pause_state(cloud)}", OPENS_S)
        kill_workers(cloud)
        scenario.drop(DURING // 2)  # some start before the rules are switched, and are parked
        wait_until(
            lambda: run_breaker(cloud)["paused"] and not uploads_start(cloud), "uploads start", OPENS_S
        )
        scenario.drop(DURING // 2)
        wait_until(
            lambda: held_images(cloud) >= BEFORE + DURING and not cloud.is_busy(),
            lambda: f"{held_images(cloud)} of {BEFORE + DURING} are held",
            TIMEOUT_S,
        )
        assert scenario.results() == {}
        probe_now(cloud)
        wait_until(lambda: run_breaker(cloud)["paused"] and pause_state(cloud)["breaker"].get("failed_probes") == 1,
                   lambda: f"{pause_state(cloud)}", OPENS_S)  # fmt: skip
    probe_now(cloud)
    wait_until(lambda: not run_breaker(cloud)["paused"], lambda: f"open: {pause_state(cloud)}", OPENS_S)
    scenario.drop(AFTER)  # while those that were held are started
    kill_workers(cloud)
    wait_until(
        lambda: run_breaker(cloud)["started"] >= 0 and held_images(cloud) == 0, "some are held", TIMEOUT_S
    )
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.require(row.died == 0, f"{row.died} executions died")
    row.notes.append(f"ok; {BEFORE + DURING} held")
    finish(row)
