"""Compare the endpoint with its model in-process, and with eager PyTorch behind Flask, for 1, 4 and 16 clients.

make setup-training
.venv/bin/python -m benchmarks.endpoint_clients
"""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from benchmarks.cold_starts import install
from benchmarks.measurements import ROOT, Part, interleaved, keep, ratio_of
from benchmarks.warm_serialize import INPUT_SIZE, MAX_PIXELS, serialize_image
from endpoint.predictor import SHIPPED_MODEL, Predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS, IMAGES = (1, 4, 16), 96
BUDGET_S, MOST_RUNS, START_S = 45, 11, 120
SAMPLE = ROOT / "events" / "images" / "bicycle.jpg"
TRAINING_PYTHON = ROOT / ".venv-training" / "bin" / "python"
OURS, IN_PROCESS, FLASK = "endpoint", "onnxruntime in-process", "Flask, eager PyTorch"
METHOD = """\
96 requests with the small image that Serialize makes of `events/images/bicycle.jpg`, from 1, 4 and 16 clients
at once, clients and server on one machine. "In-process" calls the model in as many threads, without HTTP.
"Flask" is the same network with the same views and mirrored averages (random weights) in eager PyTorch, with
32-bit floats where the shipped file has 8-bit convolutions, behind Flask's own threaded server. Both use one
thread for a prediction. Seconds are by the clock, for all requests; CPU time is the server's, for one request."""


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def server(
    command: list[str], environment: dict[str, str] | None = None
) -> Iterator[tuple[int, psutil.Process]]:
    """Start a server, the port as its last argument; yield the port and the process, then stop it."""
    port = free_port()
    process = subprocess.Popen(  # noqa: S603 - ours
        [*command, str(port)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not answer: exit code {process.poll()}")
            time.sleep(0.1)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def send(number: int, port: int, body: bytes) -> None:
    """Send the image from several threads, each with a connection that it keeps where the server lets it."""
    kept = threading.local()

    def one(_: int) -> None:
        if not hasattr(kept, "connection"):
            kept.connection = http.client.HTTPConnection("127.0.0.1", port)
        kept.connection.request("POST", "/invocations", body, {"Content-Type": "image/png"})
        answer = kept.connection.getresponse()
        content = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{answer.status}: {content[:200]!r}")

    with ThreadPoolExecutor(number) as pool:
        list(pool.map(one, range(IMAGES)))


def measured(work: Callable[[], object], process: psutil.Process, cpu: list[float]) -> float:
    """Return the seconds of some work, and note the milliseconds of CPU time that a request took a process."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    work()
    seconds = time.monotonic() - began
    cpu.append(1000 * (sum(process.cpu_times()[:2]) - before) / IMAGES)
    return seconds


def compare(
    part: Part, number: int, body: bytes, ours: tuple[int, psutil.Process], flask: tuple[int, psutil.Process]
) -> None:
    """Measure one number of clients."""
    predictor, pool = Predictor(SHIPPED_MODEL), ThreadPoolExecutor(number)
    cpu: dict[str, list[float]] = {OURS: [], IN_PROCESS: [], FLASK: []}
    programs = {
        OURS: lambda: measured(lambda: send(number, ours[0], body), ours[1], cpu[OURS]),
        IN_PROCESS: lambda: measured(
            lambda: list(pool.map(predictor.predict, [body] * IMAGES)), psutil.Process(), cpu[IN_PROCESS]
        ),
        FLASK: lambda: measured(lambda: send(number, flask[0], body), flask[1], cpu[FLASK]),
    }
    seconds = interleaved(programs, BUDGET_S, MOST_RUNS)
    used = {name: values[1:] for name, values in cpu.items()}  # the first was the warm-up
    case = f"{number} client{'s' if number > 1 else ''}"
    for quantity, values, unit in (("96 requests", seconds, "s"), ("CPU time of a request", used, "ms")):
        part.ratios += [
            ratio_of(values, OURS, beside, quantity=quantity, case=case, unit=unit)
            for beside in (IN_PROCESS, FLASK)
        ]
    print(case, part.ratios[-4:], file=sys.stderr)


def measure() -> Part:
    """Measure all numbers of clients against the same two servers."""
    if not TRAINING_PYTHON.exists():
        raise SystemExit("PyTorch is missing: run `make setup-training` first")
    body = b64decode(serialize_image(SAMPLE.read_bytes(), INPUT_SIZE, MAX_PIXELS)["image_data"])
    packages = install("flask", ["flask>=3"], python=str(TRAINING_PYTHON))
    part = Part("The endpoint", METHOD)
    with (
        server([sys.executable, "-m", "endpoint.server", "--port"]) as ours,
        server(
            [str(TRAINING_PYTHON), "-m", "benchmarks.textbook.flask_server"], {"PYTHONPATH": str(packages)}
        ) as flask,
    ):
        for number in CLIENTS:
            compare(part, number, body, ours, flask)
    return part


if __name__ == "__main__":
    keep("endpoint_clients", measure())
