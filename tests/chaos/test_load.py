"""More load than a laptop can handle at once, workers that are killed, and duplicate events."""

from __future__ import annotations

import random

import pytest

from tests.chaos.scenarios import Begin, Finish
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import kill_workers

pytestmark = [pytest.mark.local_cloud, pytest.mark.long, pytest.mark.timeout(1200)]

TIMEOUT_S = 600
MAX_PEAK_MIB, MIN_IMAGES_PER_S = 1536, 15


def test_a_burst_of_a_thousand(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, "burst of 1,000")
    scenario.drop(1000)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.require(row.died == 0, f"{row.died} executions died")
    row.require(row.peak_mib <= MAX_PEAK_MIB, f"more than {MAX_PEAK_MIB:,} MiB")
    row.require(row.images_per_s >= MIN_IMAGES_PER_S, f"less than {MIN_IMAGES_PER_S} images/s")
    finish(row)


def test_a_worker_dies_every_ten_images(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, "a worker killed every 10 of 100")
    scenario.drop(100)
    killed = 0
    for done in range(5, 100, 10):
        scenario.wait_for_results(done, TIMEOUT_S)
        killed += kill_workers(cloud, at_most=1)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    cut_short = scenario.failed_attempts("Runtime.ExitError", "Runtime.Unknown")
    row.require(killed > 5, f"only {killed} workers were killed")
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.require(row.died == 0, f"{row.died} executions died")
    row.notes.append(f"ok; {killed} killed, {cut_short} calls cut short")
    finish(row)


def test_every_event_three_times(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, "every event three times")
    with cloud.rule_disabled():
        scenario.drop(200)
    events = scenario.images * 3
    random.Random(1).shuffle(events)  # noqa: S311 - the same order each time
    for image in events:
        cloud.send_event(image)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(row.messages > 0, "no image was in review")
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)
