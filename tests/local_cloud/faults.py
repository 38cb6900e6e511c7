"""Ways to break a local cloud: endpoint faults, killed workers, no capacity, accelerated time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import psutil

from scones.chaos.injection import find_workers, kill
from tests.local_cloud.cloud import LocalCloud


@contextmanager
def endpoint_faults(
    cloud: LocalCloud, *kinds: str, rate: float = 1.0, seconds: float | None = None
) -> Iterator[None]:
    """Make the endpoint fail in these ways for the duration of the block, or for these seconds."""
    for kind in kinds:
        shares = [] if kind == "gone" else ["--rate", str(rate)]
        limit = ["--for", str(seconds)] if seconds else []
        cloud.shell.scones("chaos", "endpoint", "--kind", kind, *shares, *limit)
    try:
        yield
    finally:
        cloud.shell.scones("chaos", "clear")


def injected(cloud: LocalCloud) -> dict[str, int]:
    """Return how many requests each kind of fault has affected."""
    return dict(cloud.shell.scones_json("chaos", "status")["injected"])


def kill_workers(cloud: LocalCloud, at_most: int | None = None) -> int:
    """Kill randomly chosen Lambda workers with SIGKILL; return their number."""
    workers = find_workers(cloud.shell.cloud_state())
    random.shuffle(workers)
    return sum(kill(worker) for worker in workers[:at_most])


def kill_cloud(cloud: LocalCloud) -> None:
    """Kill every process of the cloud with SIGKILL: none of them can clean up."""
    for process in cloud.shell.processes():
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(60)


def set_wait_scale(cloud: LocalCloud, scale: float) -> None:
    """Make a second of the workflow's waits and retries take this many real seconds."""
    setting = {"stepfunctions._SFN_WAIT_SCALE": scale}
    answer = httpx.post(f"{cloud.url}/_ministack/config", json=setting, trust_env=False)
    assert answer.json()["applied"] == setting


@contextmanager
def without_capacity(cloud: LocalCloud, function: str = "Classify") -> Iterator[None]:
    """Make Lambda reject every invocation of a function, so that executions wait in their retries."""
    functions, name = cloud.client("lambda"), cloud.physical_ids()[function]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        with suppress(functions.exceptions.ResourceNotFoundException):  # the stack may be destroyed meanwhile
            functions.delete_function_concurrency(FunctionName=name)
