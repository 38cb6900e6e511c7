"""A person at a terminal: reads what a command writes to it, and presses keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.local_cloud.shell import Shell


@dataclass
class Terminal:
    """A command in a pseudo-terminal."""

    process: subprocess.Popen[bytes]
    ours: int
    text: str = ""

    def wait_for(self, part: str, times: int = 1, timeout_s: float = 60) -> None:
        """Read until the command has written a text so many times in all."""
        deadline = time.monotonic() + timeout_s
        while self.text.count(part) < times:
            left = deadline - time.monotonic()
            assert left > 0, f"{part!r} is not {times} times in:\n{self.text}"
            self._read(left)

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def wait_for_end(self, timeout_s: float = 60) -> int:
        """Read until the command ends; return its exit code."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < deadline, f"it does not end:\n{self.text}"
            self._read(0.1)
        while self._read(0):
            continue
        return self.process.returncode

    def _read(self, within_s: float) -> bool:
        ready, _, _ = select.select([self.ours], [], [], within_s)
        if not ready:
            return False
        try:
            read = os.read(self.ours, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.text += read.decode(errors="replace").replace("\r\n", "\n")
        return bool(read)


@contextmanager
def terminal(shell: Shell, *arguments: str) -> Iterator[Terminal]:
    """Run `scones` in a pseudo-terminal that shows no pictures."""
    ours, theirs = pty.openpty()
    environment = {
        name: value
        for name, value in shell.environment.items()
        if name not in {"TMUX", "TERM_PROGRAM", "KITTY_WINDOW_ID", "LC_TERMINAL"}
    }
    process = subprocess.Popen(
        shell.command(*arguments),
        cwd=shell.root,
        env=environment | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(ours)
