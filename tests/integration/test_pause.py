"""A stack that is paused holds what is dropped, and starts it when it is resumed: each image once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import wait_until

pytestmark = pytest.mark.local_cloud
IMAGES = 20


@pytest.fixture
def paused(cloud: LocalCloud) -> Iterator[LocalCloud]:
    cloud.shell.scones("pause", "--reason", "a test")
    yield cloud
    cloud.shell.scones("resume")


def breaker(cloud: LocalCloud) -> dict[str, Any]:
    """Run it as its schedule does each minute."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.physical_ids()["Breaker"], Payload=b"{}")
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def test_what_is_dropped_is_held_and_each_image_gets_one_outcome_afterwards(paused: LocalCloud) -> None:
    cloud = paused
    names = [f"incoming/held/{number}.png" for number in range(IMAGES)]
    cloud.put_all({name: picture(name) for name in names})

    def held() -> int:
        return int(cloud.shell.scones_json("status")["pause"]["held"])

    wait_until(lambda: held() == IMAGES, lambda: f"{held()} of {IMAGES} are held", 30)
    swept = cloud.shell.scones_json("sweep", "--older-than", "0")
    assert (swept["counts"]["paused"], swept["counts"]["started"]) == (IMAGES, 0)
    assert breaker(cloud) == {"paused": True, "switched": None, "started": 0}
    assert cloud.executions() == []

    cloud.shell.scones("resume")
    started = breaker(cloud)["started"]  # its schedule may have been faster
    assert started <= IMAGES
    cloud.wait_until_idle(IMAGES)

    assert sorted(cloud.outcomes("held/")) == sorted(names)
    assert (held(), len(cloud.executions())) == (0, IMAGES)


def test_a_deploy_that_enables_the_rule_does_not_end_a_pause(paused: LocalCloud) -> None:
    rule, parameter = paused.physical_ids()["ImageDropped"], paused.outputs["PauseParameterName"]
    # An hour ago: the breaker leaves both rules enabled for a while after a switch.
    state = json.loads(paused.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"])
    state["at"] = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    paused.client("ssm").put_parameter(Name=parameter, Value=json.dumps(state), Overwrite=True)
    paused.client("events").enable_rule(Name=rule)  # as CloudFormation does with a rule that it changes
    breaker(paused)
    assert paused.client("events").describe_rule(Name=rule)["State"] == "DISABLED"
