"""An emulator that was started for another process ends with it."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from scones.local.emulator import OWNER_SETTING
from scones.local.processes import is_alive

WATCHED = (
    "import signal, sys, time; from scones.local.emulator import end_with; "
    "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); end_with(int(sys.argv[1])); print('watching', flush=True); "
    "time.sleep(60)"
)


def test_a_killed_owner_takes_what_it_started_with_it() -> None:
    with subprocess.Popen(["sleep", "60"]) as owner:
        command = [sys.executable, "-c", WATCHED, str(owner.pid)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline() == "watching\n"
            assert watching.poll() is None
            owner.kill()
            owner.wait(60)
            assert watching.wait(20) == 7


@pytest.mark.local_cloud
def test_the_emulator_of_a_killed_test_run_stops(tmp_path: os.PathLike[str]) -> None:
    code = (
        "import os, sys, time; from pathlib import Path; import tests.conftest; "
        "from tests.support import ROOT, free_address; "
        "from scones.local import servers; from scones.local.processes import Processes; "
        "processes = Processes(Path(sys.argv[1]) / 'logs'); address = free_address(); "
        "servers.start_aws(processes, address, ROOT, concurrency=1); servers.wait_for_aws(processes, address); "
        "print(processes._running['aws'].pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        emulator = psutil.Process(int(run.stdout.readline()))
        assert emulator.environ()[OWNER_SETTING] == str(run.pid)
        run.kill()
    deadline = time.monotonic() + 30
    while is_alive(emulator):
        assert time.monotonic() < deadline, "it outlives the test run"
        time.sleep(0.1)
