"""Starts the local cloud's processes, and stops each with everything it started in turn."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

STOP_TIMEOUT_S = 4.0


class Stopped(Exception):  # noqa: N818  not an error: somebody asked for it
    """Somebody asked to stop while we waited."""


@dataclass(slots=True)
class Processes:
    """The children of one `scones up`, each the leader of a session of its own.

    A session is what makes them stoppable: a Lambda worker whose parent died is still a member of it.
    """

    log_dir: Path
    stop_requested: threading.Event = field(default_factory=threading.Event)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(
        self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> subprocess.Popen[bytes]:
        """Start a process that writes its output to `<log_dir>/<name>.log`."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        with self.log_of(name).open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  commands are ours
                command,
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running[name] = process
        return process

    def pause(self, seconds: float) -> None:
        """Sleep, and be the one place where a request to stop is heard: never between a start and its record.

        Raises
        ------
        Stopped
            When `stop_requested` is set, at once.
        """
        if self.stop_requested.wait(seconds):
            raise Stopped

    def log_of(self, name: str) -> Path:
        """Return where a process of this name writes its output."""
        return self.log_dir / f"{name}.log"

    def last_line(self, name: str) -> str:
        """Return the last line a process wrote that says something, for an error of one line."""
        lines = self.log_of(name).read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "it wrote nothing")

    def dead(self, *names: str) -> str | None:
        """Return the name of one of these processes that is no longer running, or None."""
        return next((name for name in names if self._running[name].poll() is not None), None)

    def stop(self) -> None:
        """Terminate every process and its descendants; kill what is left after `STOP_TIMEOUT_S`."""
        family = set()
        for process in self._running.values():
            members = _family(process.pid)
            family |= members
            if process.poll() is None:
                process.terminate()  # it stops its own children, in its own order
            else:
                for orphan in members:
                    _signal(orphan.terminate)
        psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        # Whatever was started while we waited, or outlived its parent.
        family |= {member for process in self._running.values() for member in _family(process.pid)}
        for member in family:
            _signal(member.kill)
        psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
        for process in self._running.values():
            process.poll()
        self._running.clear()


def terminate(pid: int, timeout_s: float) -> bool:
    """Ask a process that is not our child to stop; return whether it is gone in time."""
    try:
        process = psutil.Process(pid)
        process.terminate()
        deadline = time.monotonic() + timeout_s
        # A container without an init keeps the dead as zombies, which psutil's own wait takes for alive.
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        pass
    return True


def _family(leader: int) -> set[psutil.Process]:
    """Return the living members of the session that `leader` leads, and its descendants."""
    members = set()
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader:
                members.add(process)
                members.update(process.children(recursive=True))
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue
    return members


def _signal(send: Callable[[], None]) -> None:
    with suppress(psutil.NoSuchProcess):
        send()
