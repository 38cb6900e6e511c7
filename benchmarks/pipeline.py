"""Measure a running local cloud: ``scones up`` in one shell, ``python benchmarks/pipeline.py`` in another.

Prints one JSON document: seconds from upload to result for the first image and for warm ones, images per second in a
burst of 200 small images, and the peak memory of all processes of the local cloud.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

import psutil
from PIL import Image

from scones.connection import Connection, Target, connect
from scones.running_cloud import read_cloud
from scones.stack import Stack, read_stack

TIMEOUT_S = 120
POLL_S = 0.01
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Uploads to the stack's image bucket and waits for results under a separate prefix."""

    connection: Connection
    stack: Stack

    def seconds(self, images: int) -> float:
        """Return the seconds from the first upload to the last result for this many images."""
        folder = f"bench-{uuid.uuid4().hex}"
        s3 = self.connection.s3()
        body = small_image()
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            keys = (f"{self.stack.incoming_prefix}{folder}/{number}.png" for number in range(images))
            list(
                pool.map(lambda key: s3.put_object(Bucket=self.stack.image_bucket, Key=key, Body=body), keys)
            )
        while self._results(folder) < images:
            if time.monotonic() - started > TIMEOUT_S:
                raise SystemExit(f"{self._results(folder)} of {images} images arrived in {TIMEOUT_S} s")
            time.sleep(POLL_S)
        return time.monotonic() - started

    def _results(self, folder: str) -> int:
        s3 = self.connection.s3()
        prefixes = [f"passed/{label}/" for label in self.stack.labels] + ["review/", "rejected/", "failed/"]
        listed = (
            s3.list_objects_v2(Bucket=self.stack.results_bucket, Prefix=f"{prefix}{folder}/")
            for prefix in prefixes
        )
        return sum(page["KeyCount"] for page in listed)


class PeakMemory:
    """Samples the memory of a process and all its descendants while the block runs."""

    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self._root = psutil.Process(pid)
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._done.wait(0.2):
            self.mib = max(self.mib, sum(map(_unshared, self._family())) / MIB)

    def _family(self) -> list[psutil.Process]:
        return [self._root, *self._root.children(recursive=True)]


def _unshared(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.Error:
        return 0


def small_image() -> bytes:
    """Return a unique PNG of 64 x 64 pixels."""
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("RGB").save(buffer, "PNG")
    return buffer.getvalue()


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=200, help="size of the burst (default: %(default)s)")
    options = parser.parse_args()
    connection = connect(Target())
    cloud = read_cloud()
    if cloud is None:
        raise SystemExit("no local cloud is running: start one with `scones up`")
    pipeline = Pipeline(connection, read_stack(connection))
    with PeakMemory(cloud.pid) as memory:
        first = pipeline.seconds(1)
        warm = [pipeline.seconds(1) for _ in range(10)]
        burst = pipeline.seconds(options.images)
        again = pipeline.seconds(options.images)
    report = {
        "first_image_s": round(first, 2),
        "warm_image_s": {"median": round(statistics.median(warm), 2), "max": round(max(warm), 2)},
        "burst_images": options.images,
        "burst_images_per_s": {
            "first": round(options.images / burst, 1),
            "second": round(options.images / again, 1),
        },
        "peak_memory_mib": round(memory.mib),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
