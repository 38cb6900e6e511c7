"""While the endpoint fails images wait; each gets one outcome once it answers. Its minutes are pushed on."""

from collections.abc import Iterator

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults
from tests.local_cloud.outage import held_images, pause_state, probe_now, run_breaker, uploads_start
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

pytestmark = pytest.mark.local_cloud
BEFORE, AFTER = 30, 10


@pytest.fixture
def closed_at_last(cloud: LocalCloud) -> Iterator[LocalCloud]:
    yield cloud
    cloud.shell.scones("resume")


def test_an_outage_of_the_endpoint_costs_no_image_and_ends_by_itself(closed_at_last: LocalCloud) -> None:
    cloud = closed_at_last
    cloud.shell.scones("resume")  # its time: failures of other tests, before it, do not count
    names = [f"incoming/outage/{number}.png" for number in range(BEFORE + AFTER)]
    with endpoint_faults(cloud, "internal"):
        cloud.put_all({name: picture(name) for name in names[:BEFORE]})
        wait_until(lambda: run_breaker(cloud)["paused"], lambda: f"not open: {pause_state(cloud)}", 90)
        assert pause_state(cloud)["by"] == "the breaker"

        # Those under way are parked as soon as each copy of Classify has read the state anew.
        wait_until(
            lambda: held_images(cloud) == BEFORE, lambda: f"{held_images(cloud)} of {BEFORE} are parked", 90
        )
        assert cloud.outcomes("outage/") == {}
        # While both rules are on an upload is started and held: twice in the queue, which is harmless.
        wait_until(
            lambda: run_breaker(cloud)["paused"] and not uploads_start(cloud), "uploads still start", 90
        )
        cloud.put_all({name: picture(name) for name in names[BEFORE:]})
        wait_until(lambda: held_images(cloud) == BEFORE + AFTER, lambda: f"{held_images(cloud)} are held", 30)

        probe_now(cloud)
        wait_until(
            lambda: run_breaker(cloud)["paused"] and pause_state(cloud)["breaker"].get("failed_probes") == 1,
            lambda: str(pause_state(cloud)),
        )
        assert cloud.outcomes("outage/") == {}

    probe_now(cloud)
    wait_until(lambda: not run_breaker(cloud)["paused"], lambda: f"not closed: {pause_state(cloud)}", 60)
    wait_until(
        lambda: run_breaker(cloud)["started"] >= 0 and len(cloud.outcomes("outage/")) == len(names),
        lambda: f"{len(cloud.outcomes('outage/'))} outcomes, {held_images(cloud)} held",
        90,
    )
    assert sorted(cloud.outcomes("outage/")) == sorted(names)  # each once
    assert held_images(cloud) == 0
