"""What can be broken in a local cloud that runs: the endpoint's answers, and the workers of its functions."""

from __future__ import annotations

import http.client
import json
import signal
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psutil

from scones.errors import SconesError
from scones.running_cloud import RunningCloud, read_cloud, state_dir

TIMEOUT_S: Final = 10
NO_CLOUD: Final = (
    "no local cloud is running, and chaos is for no other: start one with `scones up`, then break it"
)
NO_ORDERS: Final = "the endpoint of the local cloud takes no orders: start the cloud again with `scones up`"


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of a Lambda function: one execution environment."""

    pid: int
    function: str


def require_cloud() -> RunningCloud:
    """Return the local cloud that is running and ready.

    Raises
    ------
    SconesError
        When there is none.
    """
    cloud = read_cloud()
    if cloud is None:
        raise SconesError(NO_CLOUD)
    if not cloud.ready:
        message = "the local cloud is still starting: try again when `scones up` says it is ready"
        raise SconesError(message)
    return cloud


def read_faults() -> dict[str, Any]:
    """Return the kinds of faults there are, those of now, and how many requests each has hit."""
    return _order("GET")


def inject(kind: str, rate: float, seconds: float | None) -> dict[str, Any]:
    """Make the endpoint fail in this way, for this share of the requests, for so long (None: until cleared)."""
    return _order("PUT", {"kind": kind, "rate": rate, "seconds": seconds})


def clear_faults() -> dict[str, Any]:
    """Let the endpoint be well again."""
    return _order("DELETE")


def find_workers(cloud: RunningCloud) -> list[Worker]:
    """Return the living Lambda workers among the descendants of the process that holds this cloud."""
    try:
        family = psutil.Process(cloud.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return [Worker(process.pid, function) for process in family if (function := _function_of(process))]


def kill(worker: Worker) -> bool:
    """Send SIGKILL; return whether the process was still there."""
    try:
        process = psutil.Process(worker.pid)
        if _function_of(process) != worker.function:  # its id has gone to another
            return False
        process.send_signal(signal.SIGKILL)
    except psutil.NoSuchProcess:
        return False
    return True


def _function_of(process: psutil.Process) -> str | None:
    # The Runtime API's address is in the environment of a worker and of nothing else that the cloud runs.
    try:
        environment = process.environ()
    except psutil.Error:
        return None
    if "AWS_LAMBDA_RUNTIME_API" not in environment:
        return None
    return environment.get("AWS_LAMBDA_FUNCTION_NAME")


def _order(method: str, content: Mapping[str, object] | None = None) -> dict[str, Any]:
    try:
        url = (state_dir() / "faults").read_text(encoding="utf-8").strip()
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(url, body, method=method)  # noqa: S310  our own loopback address
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        raise SconesError(error.read().decode(errors="replace")) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise SconesError(NO_ORDERS) from error
