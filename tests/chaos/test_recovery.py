"""Recovery of lost events and interrupted executions: the sweep, the backfill, a killed cloud."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.scenarios import WAIT_SCALE, Begin, Finish
from tests.local_cloud.cloud import LocalCloud, open_cloud
from tests.local_cloud.faults import kill_cloud, set_wait_scale
from tests.local_cloud.shell import Shell, ports

pytestmark = [pytest.mark.local_cloud, pytest.mark.long, pytest.mark.timeout(3600)]

TIMEOUT_S = 300
BACKFILL_IMAGES, BACKFILL_TIMEOUT_S = 10_000, 2400


def test_a_rule_disabled_for_an_hour_and_a_sweep(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    """The sweep is configured to handle images of any age."""
    scenario = begin(cloud, "rule disabled, then a sweep")
    with cloud.rule_disabled():
        scenario.drop(100)
    assert scenario.results() == {}
    swept = cloud.shell.scones_json("sweep", "--older-than", "0")
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(swept["counts"]["started"] == 100, f"the sweep started {swept['counts']['started']}")
    again = cloud.shell.scones_json("sweep", "--older-than", "0")
    row.require(
        again["counts"].get("started", 0) == 0, f"a second sweep started {again['counts']['started']}"
    )
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)


def test_a_backfill_interrupted_once(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, f"backfill of {BACKFILL_IMAGES:,}, interrupted")
    with cloud.rule_disabled():
        scenario.drop(BACKFILL_IMAGES)
    scenario.started = time.monotonic()
    cloud.shell.scones("backfill", scenario.folder, "--detach")
    scenario.wait_for_results(BACKFILL_IMAGES // 10, BACKFILL_TIMEOUT_S)
    cloud.shell.scones("backfill", scenario.folder, "--stop")
    stopped_at = len(scenario.results())
    cloud.shell.scones("backfill", scenario.folder, "--detach")
    row = scenario.row(scenario.wait(BACKFILL_TIMEOUT_S, poll_s=5))
    row.require(stopped_at < BACKFILL_IMAGES, "it was through before it was interrupted")
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.notes.append(f"ok; interrupted at {stopped_at:,}")
    finish(row)


@pytest.fixture
def lasting_cloud(root: Path, tmp_path: Path) -> Iterator[tuple[LocalCloud, list[str]]]:
    """A separate cloud with its data on disk, and the options that restart it."""
    options = [*ports(), "--persist"]
    with open_cloud(Shell(root, tmp_path / "state"), *options) as cloud:
        yield cloud, options


def test_a_cloud_killed_and_started_again(
    lasting_cloud: tuple[LocalCloud, list[str]], begin: Begin, finish: Finish
) -> None:
    """Here executions end with the emulator, unlike on AWS; the sweep must restart their images."""
    cloud, options = lasting_cloud
    scenario = begin(cloud, "cloud killed, started again, swept")
    scenario.drop(100)
    scenario.wait_for_results(20, TIMEOUT_S)
    finished = set(scenario.results())
    kill_cloud(cloud)

    cloud.shell.scones("up", "--detach", *options)
    set_wait_scale(cloud, WAIT_SCALE)
    kept = set(scenario.results())
    swept = cloud.shell.scones_json("sweep", "--older-than", "0")
    row = scenario.row(scenario.wait(TIMEOUT_S), calm=False)
    row.require(finished <= kept, f"{len(finished - kept)} results were lost")
    row.require(swept["counts"]["started"] > 0, "the kill came too late: nothing was in flight")
    row.require(row.failed == 0, f"{row.failed} images failed")
    row.notes.append(f"ok; killed at {len(finished)}, {swept['counts']['started']} swept")
    finish(row)
