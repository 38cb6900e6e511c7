"""Runs `scones` as a user does, with a separate state folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from scones.running_cloud import RunningCloud
from tests.support import free_address

UP_TIMEOUT_S = 240


def ports() -> list[str]:
    """Return the options that start a cloud on unused ports."""
    address = free_address()
    return ["--port", str(address.aws_port), "--endpoint-port", str(address.endpoint_port)]


def wait_until(
    happened: Callable[[], bool], what: str | Callable[[], str], timeout_s: float = 60, poll_s: float = 0.1
) -> None:
    """Wait until a condition holds; fail with `what` after the time limit."""
    deadline = time.monotonic() + timeout_s
    while not happened():
        assert time.monotonic() < deadline, what() if callable(what) else what
        time.sleep(poll_s)


@dataclass(frozen=True)
class Shell:
    """Runs `scones` with a separate state folder, and finds every process it started."""

    root: Path
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SCONES_STATE_DIR": str(self.state), "COLUMNS": "200"}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "scones", *arguments]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=UP_TIMEOUT_S,
            check=False,
        )

    def scones(self, *arguments: str) -> str:
        """Run a command that must succeed; return its output."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def scones_json(self, *arguments: str) -> Any:
        """Run a command that must succeed; return its JSON document."""
        return json.loads(self.scones(*arguments, "--json"))

    def results(self, images: int) -> list[dict[str, Any]]:
        """Return the documents of so many images; a claim is closed, and in the index, a moment after the outcome."""
        documents: list[dict[str, Any]] = []

        def indexed() -> bool:
            documents[:] = self.scones_json("results")
            return len(documents) >= images

        wait_until(indexed, lambda: f"{len(documents)} of {images} results", timeout_s=30)
        return documents

    def cloud_state(self) -> RunningCloud:
        """Return what `scones up` recorded about the cloud that it started."""
        return RunningCloud(**json.loads((self.state / "cloud.json").read_text()))

    def processes(self) -> list[psutil.Process]:
        """Return every living process that inherited this shell's state folder, except this one."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("SCONES_STATE_DIR") == str(self.state):
                    found.append(process)
            except psutil.Error:
                continue
        return [process for process in found if process.pid != os.getpid()]

    def kill_processes(self) -> list[psutil.Process]:
        """Kill every process that is left; return them."""
        left = self.processes()
        for process in left:
            process.kill()
        return left
