"""While the endpoint fails images wait; each gets one outcome once it answers. Its minutes are pushed on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.faults import endpoint_faults
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

pytestmark = pytest.mark.local_cloud
BEFORE, AFTER = 30, 10


@pytest.fixture
def closed_at_last(cloud: LocalCloud) -> Iterator[LocalCloud]:
    yield cloud
    cloud.shell.scones("resume")


def breaker(cloud: LocalCloud) -> dict[str, Any]:
    """Run it as its schedule does each minute."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.physical_ids()["Breaker"], Payload=b"{}")
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def state(cloud: LocalCloud) -> dict[str, Any]:
    name = cloud.outputs["PauseParameterName"]
    value = cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return dict(json.loads(value))


def probe_now(cloud: LocalCloud) -> None:
    """Do not wait for the minute in which the next probe is due."""
    known = state(cloud)
    known["breaker"]["next_probe"] = datetime.now(UTC).isoformat()
    name = cloud.outputs["PauseParameterName"]
    cloud.client("ssm").put_parameter(Name=name, Value=json.dumps(known), Overwrite=True)
    breaker(cloud)


def held(cloud: LocalCloud) -> int:
    return int(cloud.shell.scones_json("status")["pause"]["held"])


def uploads_start(cloud: LocalCloud) -> bool:
    rule = cloud.client("events").describe_rule(Name=cloud.outputs["UploadRuleName"])
    return bool(rule["State"] == "ENABLED")


def test_an_outage_of_the_endpoint_costs_no_image_and_ends_by_itself(closed_at_last: LocalCloud) -> None:
    cloud = closed_at_last
    cloud.shell.scones("resume")  # its time: failures of other tests, before it, do not count
    names = [f"incoming/outage/{number}.png" for number in range(BEFORE + AFTER)]
    with endpoint_faults(cloud, "internal"):
        cloud.put_all({name: picture(name) for name in names[:BEFORE]})
        wait_until(lambda: breaker(cloud)["paused"], lambda: f"not open: {state(cloud)}", 90)
        assert state(cloud)["by"] == "the breaker"

        # Those under way are parked as soon as each copy of Classify has read the state anew.
        wait_until(lambda: held(cloud) == BEFORE, lambda: f"{held(cloud)} of {BEFORE} are parked", 90)
        assert cloud.outcomes("outage/") == {}
        # While both rules are on an upload is started and held: twice in the queue, which is harmless.
        wait_until(lambda: breaker(cloud)["paused"] and not uploads_start(cloud), "uploads still start", 90)
        cloud.put_all({name: picture(name) for name in names[BEFORE:]})
        wait_until(lambda: held(cloud) == BEFORE + AFTER, lambda: f"{held(cloud)} are held", 30)

        probe_now(cloud)
        wait_until(lambda: breaker(cloud)["paused"] and "failed_probes" in state(cloud)["breaker"]
                   and state(cloud)["breaker"]["failed_probes"] == 1, lambda: f"{state(cloud)}", 60)  # fmt: skip
        assert cloud.outcomes("outage/") == {}

    probe_now(cloud)
    wait_until(lambda: not breaker(cloud)["paused"], lambda: f"not closed: {state(cloud)}", 60)
    wait_until(
        lambda: breaker(cloud)["started"] >= 0 and len(cloud.outcomes("outage/")) == len(names),
        lambda: f"{len(cloud.outcomes('outage/'))} outcomes, {held(cloud)} held",
        90,
    )
    assert sorted(cloud.outcomes("outage/")) == sorted(names)  # each once
    assert held(cloud) == 0
