"""The memory of a local cloud: all its processes, with shared pages divided among those that share them."""

from __future__ import annotations

import threading
from typing import Self

import psutil

from tests.local_cloud.shell import Shell

MIB = 1024 * 1024
PAUSE_S = 0.5


class PeakMemory:
    """Samples the memory of all processes of a shell's local cloud while the block runs."""

    def __init__(self, shell: Shell) -> None:
        self.mib = 0
        self._shell = shell
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._sampler.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._sampler.join()

    def _sample(self) -> None:
        while not self._done.wait(PAUSE_S):
            self.mib = max(self.mib, sum(map(_proportional, self._shell.processes())) // MIB)


def _proportional(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.Error:
        return 0
