"""Measure the whole pipeline on a local cloud of its own: start, one image by state, bursts, memory, growth.

    .venv/bin/python -m benchmarks.pipeline

It leaves no local cloud running, and refuses to start beside one of this checkout.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import psutil

from benchmarks.endpoint_clients import SAMPLE, free_port
from benchmarks.index import fill
from benchmarks.measurements import ROOT, Count, Part, interleaved, keep, ratio_of, significant
from scones.connection import Connection, Target, connect
from scones.running_cloud import RunningCloud, read_cloud
from scones.stack import Stack, read_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

SCONES = ROOT / ".venv" / "bin" / "scones"
TIMEOUT_S, POLL_S = 900, 0.01
BURST_POLL_S = 0.5
"""For a thousand images, at most, and less when few are missing: listings are work for the emulator too."""
MIB = 1024 * 1024
WARM_IMAGES, SMALL_BURST, LARGE_BURSTS, EARLIER_RESULTS = 11, 200, (1000, 10_000), 10_000
OURS, CHAIN, WHOLE = "workflow", "chain of three functions", "whole execution"
BETWEEN = "before, between and after the states"
METHOD = """\
A local cloud (the emulated AWS, the endpoint and the functions without containers) on the machine of the
benchmark. "Chain of three functions" is the workflow as tutorials draw it, on the same emulator: Serialize,
Classify, Filter, and nothing that claims the image, stores a result, retries or catches; so the ratio is the
price of the guarantees. Times by the emulator's own clock for executions, by the clock of the uploading program
for bursts; other work on the machine makes both longer. CPU time is that of all processes of the local cloud,
and depends less on it. "Aim" is what the project set out to reach on an otherwise idle machine of two cores.
Every image is `events/images/bicycle.jpg` (38 KB), which passes."""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Uploads to the stack's image bucket, and executions of its workflow and of the bare chain."""

    connection: Connection
    stack: Stack
    chain: str

    def seconds(self, images: int) -> float:
        """Return the seconds from the first upload to the last result for this many images."""
        folder = f"bench-{uuid.uuid4().hex}"
        s3 = self.connection.s3()
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            keys = (f"{self.stack.incoming_prefix}{folder}/{number}.png" for number in range(images))
            list(
                pool.map(
                    lambda key: s3.put_object(Bucket=self.stack.image_bucket, Key=key, Body=photograph()),
                    keys,
                )
            )
        while (arrived := self._results(folder)) < images:
            elapsed = time.monotonic() - started
            if elapsed > TIMEOUT_S:
                raise SystemExit(f"{arrived} of {images} images arrived in {TIMEOUT_S} s")
            missing_s = elapsed * (images - arrived) / max(1, arrived)
            time.sleep(
                max(POLL_S, min(missing_s, POLL_S if images == 1 else BURST_POLL_S * max(1, images / 1000)))
            )
        return time.monotonic() - started

    def _results(self, folder: str) -> int:
        pages = self.connection.s3().get_paginator("list_objects_v2")
        prefixes = [f"passed/{label}/" for label in self.stack.labels] + ["review/", "rejected/", "failed/"]
        return sum(
            page["KeyCount"]
            for prefix in prefixes
            for page in pages.paginate(Bucket=self.stack.results_bucket, Prefix=f"{prefix}{folder}/")
        )

    def by_state(self) -> dict[str, float]:
        """Classify one image; return the milliseconds of its execution, in all and in each state."""
        self.seconds(1)
        client = self.connection.stepfunctions()
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            page = client.list_executions(stateMachineArn=self.stack.workflow_arn, maxResults=1)
            newest = page["executions"][0]
            if newest["status"] == "SUCCEEDED":
                break
            if time.monotonic() > deadline:
                raise SystemExit(f"the execution is {newest['status']} after {TIMEOUT_S} s")
            time.sleep(POLL_S)
        events = client.get_execution_history(executionArn=newest["executionArn"], maxResults=1000)["events"]
        return states_of(events)

    def chain_ms(self, images: int = 1) -> float:
        """Send images through the bare chain; return the milliseconds from the first start to the last end."""
        s3, client = self.connection.s3(), self.connection.stepfunctions()
        key, body = f"{self.stack.incoming_prefix}chain/{uuid.uuid4().hex}.png", photograph()
        etag = s3.put_object(Bucket=self.stack.image_bucket, Key=key, Body=body)["ETag"].strip('"')
        image = {"bucket": self.stack.image_bucket, "key": key, "etag": etag, "size": len(body)}
        text = json.dumps(image)
        with ThreadPoolExecutor(8) as pool:
            arns = list(
                pool.map(
                    lambda _: client.start_execution(stateMachineArn=self.chain, input=text)["executionArn"],
                    range(images),
                )
            )
        ended = [_end_of(client, arn) for arn in arns]
        span = max(one["stopDate"] for one in ended) - min(one["startDate"] for one in ended)
        return 1000 * float(span.total_seconds())


def _end_of(client: Any, arn: str) -> dict[str, Any]:  # noqa: ANN401 - a boto3 client
    deadline = time.monotonic() + TIMEOUT_S
    while (found := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        if time.monotonic() > deadline:
            raise SystemExit(f"an execution of the chain runs for more than {TIMEOUT_S} s")
        time.sleep(POLL_S)
    if found["status"] != "SUCCEEDED":
        raise SystemExit(f"an execution of the chain is {found['status']}: {found.get('cause')}")
    return dict(found)


def states_of(events: list[Any]) -> dict[str, float]:
    """Return the milliseconds between the entry and the exit of each state, and of the whole execution."""
    entered, spans = {}, {WHOLE: events[-1]["timestamp"] - events[0]["timestamp"]}
    for event in events:
        if event["type"].endswith("StateEntered"):
            entered[event["stateEnteredEventDetails"]["name"]] = event["timestamp"]
        elif event["type"].endswith("StateExited"):
            name = event["stateExitedEventDetails"]["name"]
            spans[name] = event["timestamp"] - entered[name]
    return {name: 1000 * span.total_seconds() for name, span in spans.items()}


def make_chain(connection: Connection, stack: Stack) -> str:
    """Create the workflow of three functions, as tutorials draw it; return its ARN."""
    client = connection.stepfunctions()
    workflow = client.describe_state_machine(stateMachineArn=stack.workflow_arn)
    functions = {
        name: state["Arguments"]["FunctionName"]
        for name, state in json.loads(workflow["definition"])["States"].items()
        if state.get("Resource", "").endswith("lambda:invoke")
    }
    states: dict[str, Any] = {}
    names = list(functions)
    for name, following in zip(names, [*names[1:], None], strict=True):
        states[name] = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": {"FunctionName": functions[name], "Payload": "{% $states.input %}"},
            "Output": "{% $states.result.Payload %}",
        } | ({"Next": following} if following else {"End": True})
    definition = {"QueryLanguage": "JSONata", "StartAt": names[0], "States": states}
    created = client.create_state_machine(
        name=f"chain-{uuid.uuid4().hex[:8]}", definition=json.dumps(definition), roleArn=workflow["roleArn"]
    )
    return created["stateMachineArn"]


class Usage:
    """The peak memory, and the CPU time, of a process and all its descendants while the block runs."""

    def __init__(self, pid: int) -> None:
        self.mib = self.cpu_s = 0.0
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self.cpu_s = -cpu_of_family(self._root.pid)
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()
        self.cpu_s += cpu_of_family(self._root.pid)

    def _sample(self) -> None:
        while not self._done.wait(
            2
        ):  # reading it stops the process: often, it would be a part of what is measured
            self.mib = max(self.mib, sum(map(_unshared, self._family())) / MIB)

    def _family(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def cpu_of_family(pid: int) -> float:
    """Return the CPU seconds of a process, of its children, and of those that have ended."""
    process = psutil.Process(pid)
    return sum(map(_cpu, [process, *process.children(recursive=True)]))


def _unshared(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def _cpu(process: psutil.Process) -> float:
    """Return user and system time, with that of children that ended."""
    try:
        return float(sum(process.cpu_times()[:4]))
    except psutil.Error:
        return 0.0


def photograph() -> bytes:
    """Return a photograph that passes, with an ETag of its own."""
    return SAMPLE.read_bytes() + uuid.uuid4().bytes


def start_cloud() -> tuple[float, RunningCloud]:
    """Start a local cloud on free ports; return the seconds until it is ready, and where it is."""
    ports = ["--port", str(free_port()), "--endpoint-port", str(free_port())]
    began = time.monotonic()
    subprocess.run([SCONES, "up", "--detach", "--quiet", *ports], cwd=ROOT, check=True)  # noqa: S603 - ours
    seconds, cloud = time.monotonic() - began, read_cloud()
    if cloud is None:
        raise SystemExit("the local cloud stopped")
    return seconds, cloud


def stop_cloud() -> None:
    """Stop it, if it runs."""
    subprocess.run([SCONES, "down"], cwd=ROOT, check=True)  # noqa: S603 - ours


@contextmanager
def local_cloud(part: Part) -> Iterator[RunningCloud]:
    """Start a local cloud without a build and with one, note what it took, and stop it at the end."""
    if read_cloud():
        raise SystemExit("a local cloud is running here: stop it with `scones down` first")
    try:
        for folder in ("build", "cache", "deps"):
            shutil.rmtree(ROOT / ".aws-sam" / folder, ignore_errors=True)
        for case, limit in (("from nothing built", 15), ("with nothing changed", 6)):
            stop_cloud()
            seconds, cloud = start_cloud()
            part.counts += [
                aim(f"local cloud ready, {case}", seconds, limit, "s"),
                aim(f"CPU time of that start, {case}", cpu_of_family(cloud.pid), limit, "s"),
            ]
        yield cloud
    finally:
        stop_cloud()


def aim(what: str, measured: float, limit: float, unit: str) -> Count:
    """Return a figure that was measured once, beside what the project set out to reach."""
    print(f"{what}: {measured:.3g} {unit}, aim {limit}", file=sys.stderr)
    return Count(what, significant(measured), limit, "aim", unit, "measured once")


def one_image(part: Part, pipeline: Pipeline, case: str) -> dict[str, list[float]]:
    """Measure warm images against the chain; return the milliseconds of each by state, in the order of the rounds."""
    taken: dict[str, list[float]] = {}

    def ours() -> float:
        for name, milliseconds in (states := pipeline.by_state()).items():
            taken.setdefault(name, []).append(milliseconds)
        return states[WHOLE]

    measured = interleaved({OURS: ours, CHAIN: pipeline.chain_ms}, 30, WARM_IMAGES)
    part.ratios.append(ratio_of(measured, OURS, CHAIN, quantity="one warm image", case=case, unit="ms"))
    return {name: values[1:] for name, values in taken.items()}  # the first was the warm-up


def by_state(part: Part, taken: dict[str, list[float]]) -> None:
    """Divide the time in each state by that of the whole execution."""
    taken[BETWEEN] = [
        whole - sum(values[run] for name, values in taken.items() if name != WHOLE)
        for run, whole in enumerate(taken[WHOLE])
    ]
    part.ratios += [
        ratio_of(taken, name, WHOLE, quantity="one warm image, by state", case=name, unit="ms")
        for name in taken
        if name != WHOLE
    ]


def bursts(part: Part, pipeline: Pipeline, pid: int) -> None:
    """Measure bursts."""
    with Usage(pid) as usage:
        small = [pipeline.seconds(SMALL_BURST) for _ in range(2)]
    cpu = 1000 * usage.cpu_s / (2 * SMALL_BURST)
    pairs = {OURS: lambda: 1000 * pipeline.seconds(50), CHAIN: lambda: pipeline.chain_ms(50)}
    part.ratios.append(
        ratio_of(
            interleaved(pairs, 40, 5), OURS, CHAIN, quantity="50 images at once", case="burst", unit="ms"
        )
    )
    part.counts += [
        aim("200 images at once, second time", SMALL_BURST / small[1], 40, "images/s"),
        aim("CPU time of an image in these bursts", cpu, 2 * 1000 / 40, "ms"),
        aim("peak memory of the local cloud in these bursts", usage.mib, 1024, "MiB"),
    ]
    for images in LARGE_BURSTS:
        with Usage(pid) as usage:
            seconds = pipeline.seconds(images)
        burst = f"the burst of {images:,}"
        part.counts += [
            aim(f"{images:,} images at once", images / seconds, 35, "images/s"),
            aim(f"CPU time of an image in {burst}", 1000 * usage.cpu_s / images, 2 * 1000 / 35, "ms"),
            aim(f"peak memory of the local cloud in {burst}", usage.mib, 1024, "MiB"),
        ]


def measure() -> Part:
    """Measure a local cloud from its start to its end."""
    part = Part("The pipeline", METHOD)
    with local_cloud(part) as cloud:
        connection = connect(Target())
        stack = read_stack(connection)
        pipeline = Pipeline(connection, stack, make_chain(connection, stack))
        part.counts.append(aim("first image, upload to result", pipeline.seconds(1), 2, "s"))
        warm = [pipeline.seconds(1) for _ in range(WARM_IMAGES)]
        part.counts.append(aim("warm image, upload to result, median", statistics.median(warm), 0.15, "s"))
        by_state(part, one_image(part, pipeline, "few results"))
        fill(connection.dynamodb(), stack, EARLIER_RESULTS)
        one_image(part, pipeline, f"{EARLIER_RESULTS:,} more results in the index")
        bursts(part, pipeline, cloud.pid)
    return part


if __name__ == "__main__":
    keep("pipeline", measure())
