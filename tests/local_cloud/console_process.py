"""`scones console` as a user runs it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO
from urllib.parse import urlsplit

from tests.local_cloud.shell import Shell


@dataclass(frozen=True, slots=True)
class ConsoleProcess:
    """A console that serves; `address` has its token."""

    process: subprocess.Popen[str]
    address: str

    @property
    def origin(self) -> str:
        """Where it is, without the token."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


@contextmanager
def serving(shell: Shell, *options: str) -> Iterator[ConsoleProcess]:
    """Start a console, and stop it as a user does."""
    process = subprocess.Popen(
        shell.command("console", "--no-browser", *options),
        cwd=shell.root,
        env=shell.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = _first_line(process.stdout)
        assert address.startswith("http://127.0.0.1:"), process.stderr.read() if process.stderr else ""
        yield ConsoleProcess(process, address)
    finally:
        if process.poll() is None:
            ConsoleProcess(process, "").stop()
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()


def _first_line(pipe: IO[str] | None) -> str:
    assert pipe
    return pipe.readline().strip()
