"""Many failures in a few minutes: faults of many kinds, odd events, changing objects, killed workers."""

from __future__ import annotations

import random

import pytest

from tests.chaos.scenarios import Begin, Finish
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults, injected, kill_workers
from tests.local_cloud.scenario import picture

pytestmark = pytest.mark.local_cloud

TIMEOUT_S = 120
PASSING = ("throttle", "internal", "unavailable", "not-ready", "cut")
FOR_GOOD = ("garbage", "wrong-length", "nan")


def test_faults_of_many_kinds(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, "faults of 8 kinds, 10 % each")
    with endpoint_faults(cloud, *PASSING, *FOR_GOOD, rate=0.1):
        scenario.drop(30)
        seconds = scenario.wait(TIMEOUT_S)
        hits = injected(cloud)
    row = scenario.row(seconds)
    broken = sum(hits.get(kind, 0) for kind in FOR_GOOD)
    row.require(sum(hits.values()) > broken, "no request was hit by a fault that passes")
    row.require(row.failed == broken, f"{broken} answers were nonsense, {row.failed} images failed")
    row.require(row.alerts == row.failed, f"{row.alerts} alerts about {row.failed} failed images")
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)


def test_events_twice_late_and_out_of_order(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    """The rule is off, so that every event is one of ours: each twice, the second long after the first."""
    scenario = begin(cloud, "events twice, late, out of order")
    with cloud.rule_disabled():
        scenario.drop(20)
    chance = random.Random(1)  # noqa: S311 - the same order each time
    first, second = chance.sample(scenario.images, 20), chance.sample(scenario.images, 20)
    for image in [*first, *second[:10]]:
        cloud.send_event(image)
    scenario.wait(TIMEOUT_S)
    for image in second[10:]:  # these have their outcome already
        cloud.send_event(image)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)


def test_objects_deleted_and_replaced_before_they_are_read(
    cloud: LocalCloud, begin: Begin, finish: Finish
) -> None:
    scenario = begin(cloud, "objects deleted, replaced before the read")
    s3 = cloud.client("s3")
    with cloud.rule_disabled():
        images = scenario.drop(16)
        for image in images[:4]:
            s3.delete_object(Bucket=image.bucket, Key=image.key)
        for image in images[4:8]:
            s3.delete_object(Bucket=image.bucket, Key=image.key, VersionId=image.version_id)
        scenario.images += cloud.put_all({image.key: picture() for image in images[8:12]})
    for image in scenario.images:
        cloud.send_event(image)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    rejected = {image for image, written in scenario.results().items() if written == ["rejected"]}
    gone = {(image.key, image.etag) for image in images[4:8]}
    row.require(rejected == gone, f"{len(rejected)} rejected, where 4 versions are permanently gone")
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)


def test_a_worker_is_killed_in_the_middle(cloud: LocalCloud, begin: Begin, finish: Finish) -> None:
    scenario = begin(cloud, "all workers killed once")
    scenario.drop(40)
    scenario.wait_for_results(5, TIMEOUT_S)
    kill_workers(cloud)
    row = scenario.row(scenario.wait(TIMEOUT_S))
    row.require(scenario.failed_attempts("Runtime.ExitError") > 0, "no call was cut short")
    row.require(row.failed == 0, f"{row.failed} images failed, where a retry helps")
    row.require(row.died == 0, f"{row.died} executions died")
    finish(row)
