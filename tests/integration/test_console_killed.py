"""A console that is killed while it decides: every image has one decision or still waits, and nothing is lost."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from scones.index import time_text
from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.console_process import ConsoleProcess, serving
from tests.local_cloud.review_queue import claims, decisions, fill_queue, in_state, recorded
from tests.local_cloud.shell import wait_until

pytestmark = [pytest.mark.local_cloud, pytest.mark.long]
KILLS = 50


def client_of(console: ConsoleProcess) -> httpx.Client:
    """Open the printed address, and take what the pages have."""
    client = httpx.Client(base_url=console.origin, timeout=60)
    client.get(console.address)
    token = re.search(r'name="csrf" content="([^"]+)"', client.get("/review").text)
    assert token
    client.headers.update({"origin": console.origin, "x-csrf-token": token[1]})
    return client


def test_fifty_kills_leave_one_decision_or_none(cloud: LocalCloud) -> None:
    keys = fill_queue(cloud, KILLS)
    dice = random.Random(7)  # noqa: S311 (when to kill)
    for _ in range(KILLS):
        with serving(cloud.shell) as console, closing(client_of(console)) as client:
            (image,) = client.post("/review/take", json={"page": "p", "images": 1}).json()["images"]
            asked = {"page": "p", "id": image["id"], "label": "neither", "took_ms": 1}

            def decide(client: httpx.Client = client, asked: dict[str, object] = asked) -> None:
                with suppress(httpx.HTTPError):
                    client.post("/review/decide", json=asked)

            deciding = threading.Thread(target=decide)
            deciding.start()
            time.sleep(dice.uniform(0, 0.06))  # somewhere in the decision, which takes about as long
            console.process.kill()
            console.process.wait()
            deciding.join()
    found = decisions(cloud)
    assert 0 < len(found) < KILLS, "every kill came before the decision, or every one after it"
    assert Counter(map(len, found.values())) == {1: len(found)}
    assert set(found) | set(in_state(cloud, "person")) == set(keys)
    age_unrecorded(cloud)
    cloud.shell.scones("sweep")
    wait_until(
        lambda: {f"incoming/{name}" for name in recorded(cloud)} == set(found),
        lambda: f"{len(recorded(cloud))} of {len(found)} recorded",
    )
    assert in_state(cloud, "record") == []


def age_unrecorded(cloud: LocalCloud) -> None:
    """Let decisions that are not recorded be older than the five minutes for which their execution may run."""
    long_ago = time_text(datetime.now(UTC) - timedelta(minutes=10))
    for claim in claims(cloud):
        if claim.get("state_shard", "").startswith("record#"):
            cloud.client("dynamodb").update_item(
                TableName=cloud.outputs["ClaimsTableName"],
                Key={name: {"S": claim[name]} for name in ("image_key", "etag")},
                UpdateExpression="SET state_since = :long_ago",
                ConditionExpression="attribute_exists(state_since)",
                ExpressionAttributeValues={":long_ago": {"S": long_ago}},
            )
