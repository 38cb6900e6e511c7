"""Stopping leaves nothing behind, whatever the processes do."""

import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from scones.local.processes import Processes, terminate

# Starts a child, says its pid, and lets neither itself nor the child be terminated.
STUBBORN_FAMILY = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"],
    stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""
# Leaves a grandchild whose parent is gone.
ORPHAN = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
"""


@pytest.fixture
def processes(tmp_path: Path) -> Processes:
    return Processes(tmp_path / "logs")


def printed_pid(processes: Processes, name: str) -> int:
    deadline = time.monotonic() + 20
    while not (text := processes.log_of(name).read_text().strip()):
        assert time.monotonic() < deadline, "the process prints nothing"
        time.sleep(0.01)
    return int(text)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_stop_kills_what_ignores_the_request(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.local.processes.STOP_TIMEOUT_S", 0.3)
    leader = processes.start("family", [sys.executable, "-c", STUBBORN_FAMILY], os.environ, tmp_path)
    child = printed_pid(processes, "family")

    processes.stop()

    assert not is_alive(leader.pid)
    assert not is_alive(child)


def test_stop_finds_an_orphan(processes: Processes, tmp_path: Path) -> None:
    parent = processes.start("orphan", [sys.executable, "-c", ORPHAN], os.environ, tmp_path)
    orphan = printed_pid(processes, "orphan")
    parent.wait(20)
    assert is_alive(orphan)

    processes.stop()

    assert not is_alive(orphan)


def test_dead_names_the_process_that_ended(processes: Processes, tmp_path: Path) -> None:
    process = processes.start(
        "short", [sys.executable, "-c", "print('first'); print('why'); print()"], os.environ, tmp_path
    )
    process.wait(20)

    assert processes.dead("short") == "short"
    assert processes.last_line("short") == "why"


def test_terminate_says_when_a_process_does_not_go(
    processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scones.local.processes.STOP_TIMEOUT_S", 0.3)
    leader = processes.start("family", [sys.executable, "-c", STUBBORN_FAMILY], os.environ, tmp_path)
    printed_pid(processes, "family")
    try:
        assert terminate(leader.pid, 0.2) is False
    finally:
        leader.kill()
        processes.stop()
    assert terminate(leader.pid, 0.2) is True


def test_leftovers_of_an_owner_that_was_killed_are_stopped(processes: Processes, tmp_path: Path) -> None:
    sleeper = processes.start(
        "sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path
    )

    Processes(processes.log_dir).stop_leftovers()

    assert not is_alive(sleeper.pid)


def test_a_process_that_got_the_id_of_a_dead_one_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    sleeper = processes.start(
        "sleeper", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, tmp_path
    )
    record = processes._sessions
    record.write_text(record.read_text().replace(str(psutil.Process(sleeper.pid).create_time()), "1.5"))

    Processes(processes.log_dir).stop_leftovers()

    assert is_alive(sleeper.pid)
    processes.stop()
