"""Compare the simulation of docs/scale.md with a burst: ``python -m benchmarks.scale_check`` beside ``scones up``.

A first burst says how many states a second this machine's emulated AWS enters, which is the one number that the
simulation gets. It then has to foretell a burst four times as large, and one whose endpoint throttles most requests, so
that images wait in the workflow's own retries. Prints one JSON document.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from PIL import Image

from scones.connection import Connection, Target, connect
from scones.cost.bill import STATES
from scones.local.commands import DEFAULT_CONCURRENCY
from scones.stack import Stack, read_stack
from tools.scale.simulation import Account, Run, simulate

CALIBRATING, LARGE, REFUSED = 50, 200, 200
THROTTLED = 0.6
TIMEOUT_S = 240
POLL_S = 0.5


@dataclass(frozen=True, slots=True)
class Burst:
    """Images that arrive at once: seconds from the first upload to each outcome."""

    run: Run

    @classmethod
    def drop(cls, connection: Connection, stack: Stack, images: int) -> Burst:
        """Upload so many images, and wait for all outcomes."""
        folder, s3 = f"{stack.incoming_prefix}scale-{uuid.uuid4().hex}", connection.s3()
        bodies = [(f"{folder}/{number}.png", small_image()) for number in range(images)]
        began = datetime.now(UTC)
        with ThreadPoolExecutor(16) as pool:
            list(
                pool.map(
                    lambda one: s3.put_object(Bucket=stack.image_bucket, Key=one[0], Body=one[1]), bodies
                )
            )
        return cls(Run(_wait(connection, stack, folder, images, began), 0))


def small_image() -> bytes:
    """Return a unique PNG of 64 x 64 pixels."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def _wait(connection: Connection, stack: Stack, folder: str, images: int, began: datetime) -> list[float]:
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        pages = connection.dynamodb().get_paginator("scan").paginate(TableName=stack.claims_table)
        ended = [
            datetime.fromisoformat(item["finished_at"]["S"])
            for page in pages
            for item in page["Items"]
            if item["image_key"]["S"].startswith(folder) and "finished_at" in item
        ]
        if len(ended) == images:
            return [(one - began).total_seconds() for one in ended]
        time.sleep(POLL_S)
    sys.exit(f"{len(ended)} of {images} images have an outcome after {TIMEOUT_S} s")


def classify_calls(connection: Connection, stack: Stack, since: datetime) -> float:
    """Return how often Classify was called, throttled or not."""
    points = connection.cloudwatch().get_metric_statistics(
        Namespace=f"Scones/{stack.name}",
        MetricName="EndpointThrottles",
        Dimensions=[{"Name": "service", "Value": "classify"}],
        StartTime=since - timedelta(hours=1),
        EndTime=since + timedelta(hours=1),
        Period=3600,
        Statistics=["SampleCount"],
    )["Datapoints"]
    return sum(point["SampleCount"] for point in points)


def local(states_per_s: float, refused: float = 0.0) -> Account:
    """Return this machine as an account: states a second and a few functions at once, for which calls queue."""
    return Account(
        starts=None,
        states=(1, states_per_s),
        concurrency=DEFAULT_CONCURRENCY,
        queues=True,
        seconds=(0.0, 0.0, 0.0),
        endpoint_at_once=10_000,
        refused=refused,
        other_s=0.0,
    )


def compared(measured: Run, simulated: Run) -> dict[str, dict[str, float]]:
    """Return the seconds of both within which half of the images ended, 90 %, and 99 %."""
    return {
        name: {
            "measured_s": round(measured.quantile(share), 1),
            "simulated_s": round(simulated.quantile(share), 1),
        }
        for name, share in (("half", 0.5), ("90 %", 0.9), ("99 %", 0.99))
    }


def chaos(*arguments: str) -> None:
    """Call `scones chaos`."""
    subprocess.run([sys.executable, "-m", "scones", "chaos", *arguments], check=True, capture_output=True)  # noqa: S603


def main() -> None:
    """Measure, simulate, print."""
    connection = connect(Target())
    stack = read_stack(connection)
    Burst.drop(connection, stack, 10)  # functions start
    first = Burst.drop(connection, stack, CALIBRATING)
    states_per_s = CALIBRATING * STATES["passed"] / first.run.quantile(1.0)
    large = Burst.drop(connection, stack, LARGE)
    now = datetime.now(UTC)
    before = classify_calls(connection, stack, now)
    chaos("endpoint", "--kind", "throttle", "--rate", str(THROTTLED))
    try:
        refused = Burst.drop(connection, stack, REFUSED)
    finally:
        chaos("clear")
    calls = (classify_calls(connection, stack, now) - before) / REFUSED
    alone = simulate([0.0] * LARGE, local(states_per_s))
    retried = simulate([0.0] * REFUSED, local(states_per_s, THROTTLED))
    report = {
        "measured_on": now.date().isoformat(),
        "states_per_s": round(states_per_s),
        "burst": {"images": LARGE, **compared(large.run, alone)},
        "throttled": {
            "images": REFUSED,
            "throttled_share": THROTTLED,
            **compared(refused.run, retried),
            "classify_calls_an_image": {
                "measured": round(calls, 2),
                "simulated": round(retried.attempts_each - 2, 2),
            },
        },
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
