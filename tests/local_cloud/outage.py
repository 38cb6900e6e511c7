"""The breaker of a local cloud, its minutes pushed on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tests.local_cloud.cloud import LocalCloud


def run_breaker(cloud: LocalCloud) -> dict[str, Any]:
    """Run it as its schedule does each minute."""
    answer = cloud.client("lambda").invoke(FunctionName=cloud.physical_ids()["Breaker"], Payload=b"{}")
    found: dict[str, Any] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    return found


def pause_state(cloud: LocalCloud) -> dict[str, Any]:
    """Return what the stack's parameter says of a pause."""
    name = cloud.outputs["PauseParameterName"]
    value = cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return dict(json.loads(value))


def probe_now(cloud: LocalCloud) -> None:
    """Do not wait for the minute in which the next probe is due."""
    known = pause_state(cloud)
    known["breaker"]["next_probe"] = datetime.now(UTC).isoformat()
    name = cloud.outputs["PauseParameterName"]
    cloud.client("ssm").put_parameter(Name=name, Value=json.dumps(known), Overwrite=True)
    run_breaker(cloud)


def held_images(cloud: LocalCloud) -> int:
    """Return how many images wait in the queue."""
    return int(cloud.shell.scones_json("status")["pause"]["held"])


def uploads_start(cloud: LocalCloud) -> bool:
    """Tell whether an upload starts the workflow."""
    rule = cloud.client("events").describe_rule(Name=cloud.outputs["UploadRuleName"])
    return bool(rule["State"] == "ENABLED")
