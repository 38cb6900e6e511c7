"""Starts the local cloud's processes, and stops each with everything it started in turn."""

from __future__ import annotations

import json
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
        self._record()
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
        _stop_sessions([process.pid for process in self._running.values()])
        for process in self._running.values():
            process.poll()
        self._running.clear()
        self._sessions.unlink(missing_ok=True)

    def stop_leftovers(self) -> None:
        """Stop what an earlier owner of this folder started and, killed itself, could not stop."""
        try:
            recorded = [(int(pid), float(born)) for pid, born in json.loads(self._sessions.read_text())]
        except (OSError, ValueError, TypeError):
            return
        _stop_sessions([pid for pid, born in recorded if _born(pid) == born])
        self._sessions.unlink(missing_ok=True)

    @property
    def _sessions(self) -> Path:
        return self.log_dir.parent / "sessions.json"

    def _record(self) -> None:
        # With its time of birth, since the system gives the id of a dead process to another.
        leaders = [(process.pid, _born(process.pid)) for process in self._running.values()]
        self._sessions.write_text(json.dumps(leaders))


def _stop_sessions(leaders: Sequence[int]) -> None:
    family = set()
    for leader in leaders:
        members = _family(leader)
        family |= members
        living = {member for member in members if member.pid == leader and is_alive(member)}
        for member in living or members:  # a living leader stops its own children, in its own order
            _signal(member.terminate)
    psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)
    # Whatever was started while we waited, or outlived its parent.
    family |= {member for leader in leaders for member in _family(leader)}
    for member in family:
        _signal(member.kill)
    psutil.wait_procs(family, timeout=STOP_TIMEOUT_S)


def terminate(pid: int, timeout_s: float) -> bool:
    """Ask a process that is not our child to stop; return whether it is gone in time."""
    try:
        process = psutil.Process(pid)
        process.terminate()
        deadline = time.monotonic() + timeout_s
        while is_alive(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
    except psutil.NoSuchProcess:
        pass
    return True


def is_alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs."""
    # A container without an init keeps the dead as zombies, which psutil's own wait takes for alive.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _born(pid: int) -> float | None:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


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
