"""`scones up` fails in one line, and leaves no process however it ends."""

import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.local_cloud.shell import Shell, ports

pytestmark = pytest.mark.local_cloud


def wait_for_processes(shell: Shell, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(shell.processes()) < count:
        assert time.monotonic() < deadline, "the processes do not start"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_during_the_start_leaves_no_process(shell: Shell, number: signal.Signals) -> None:
    up = subprocess.Popen(
        shell.command("up", *ports()),
        cwd=shell.root,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_processes(shell, 3)

    up.send_signal(number)
    _, errors = up.communicate(timeout=60)

    assert shell.processes() == []
    assert "Traceback" not in errors
    assert not (shell.state / "cloud.json").exists()


def test_a_server_that_does_not_start_is_one_line(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    up = shell.run("up", "--detach", "--capture", str(tmp_path / "file" / "folder"), *ports())

    assert up.returncode != 0
    *steps, error = up.stderr.strip().splitlines()
    assert error.startswith("Error: the local endpoint server stopped")
    assert [step for step in steps if not step.endswith(" ...")] == []
    assert shell.processes() == []


def test_a_cloud_that_was_killed_leaves_nothing_that_down_does_not_stop(shell: Shell) -> None:
    first = shell.run("up", "--detach", *ports())
    assert first.returncode == 0, first.stderr
    leader = min(shell.processes(), key=psutil.Process.create_time)
    leader.kill()
    leader.wait(60)
    assert shell.processes() != []

    status = shell.run("status")
    assert status.returncode == 2
    assert "no local cloud is running" in status.stderr
    assert shell.run("down").returncode == 0

    assert shell.processes() == []
