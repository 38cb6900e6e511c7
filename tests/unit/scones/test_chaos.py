"""`scones chaos` gives the endpoint its orders, kills workers of this cloud alone, and refuses without a cloud."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from endpoint.fault_injection import serve_control
from endpoint.faults import Faults, Kind
from scones.cli import main
from scones.running_cloud import RunningCloud, hold_cloud, state_dir, write_cloud
from tests.fakes.command_contract import check_output

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCONES_STATE_DIR", str(tmp_path / "state"))


@pytest.fixture
def cloud() -> Iterator[RunningCloud]:
    """A cloud that this very process holds."""
    with hold_cloud():
        cloud = RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", os.getpid(), ready=True)
        write_cloud(cloud)
        yield cloud


@pytest.fixture
def faults(cloud: RunningCloud) -> Faults:
    faults = Faults()
    serve_control(faults, state_dir() / "faults")
    return faults


def chaos(*arguments: str) -> Result:
    result = CliRunner(mix_stderr=False).invoke(main, ["chaos", *arguments])
    if "--json" in arguments and result.stdout:
        check_output(f"chaos {arguments[0]}", result.stdout)
    return result


@contextmanager
def worker(function: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits, with the environment of a Lambda worker if it is one."""
    given = (
        {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1", "AWS_LAMBDA_FUNCTION_NAME": function} if function else {}
    )
    code = "import time; print(flush=True); time.sleep(60)"
    command, environment = [sys.executable, "-c", code], {**os.environ, **given}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


ORDERS = [["list"], ["endpoint", "--kind", "cut"], ["clear"], ["kill-worker"], ["status"]]


@pytest.mark.parametrize("order", ORDERS)
def test_without_a_local_cloud_nothing_is_broken(order: list[str]) -> None:
    result = chaos(*order)
    assert result.exit_code == 2
    assert "no local cloud is running" in result.stderr
    assert "`scones up`" in result.stderr


@pytest.mark.parametrize("order", ORDERS)
def test_a_deployed_stack_cannot_be_named(order: list[str]) -> None:
    result = chaos(*order, "--stack", "prod")
    assert result.exit_code == 2
    assert "No such option: --stack" in result.stderr


def test_a_cloud_that_starts_is_left_alone(cloud: RunningCloud) -> None:
    write_cloud(RunningCloud(cloud.endpoint_url, cloud.region, cloud.stack, cloud.pid, ready=False))
    result = chaos("status")
    assert result.exit_code == 2
    assert "still starting" in result.stderr


@pytest.mark.parametrize("address", [None, "http://127.0.0.1:1/faults", "nonsense"])
def test_an_endpoint_that_takes_no_orders_is_said_so(cloud: RunningCloud, address: str | None) -> None:
    if address:
        (state_dir() / "faults").write_text(address)
    result = chaos("clear")
    assert result.exit_code == 2
    assert "takes no orders" in result.stderr


def test_list_explains_every_kind(faults: Faults) -> None:
    listed = chaos("list").stdout
    assert all(kind in listed for kind in Kind)


def test_a_fault_is_brought_in_shown_and_cleared(faults: Faults) -> None:
    assert chaos("endpoint", "--kind", "throttle", "--rate", "0.2", "--for", "60").exit_code == 0
    assert chaos("endpoint", "--kind", "gone").exit_code == 0
    throttle, gone = faults.status()["active"]
    assert (throttle["kind"], throttle["rate"]) == ("throttle", 0.2)
    assert 50 < throttle["seconds_left"] <= 60
    assert gone == {"kind": "gone", "rate": 1.0, "seconds_left": None}
    while faults.draw() is not Kind.THROTTLE:
        pass

    shown, document = chaos("status"), json.loads(chaos("status", "--json").stdout)
    assert "20% of the requests" in shown.stdout
    assert "throttle       has hit 1 request" in shown.stdout
    assert document["injected"]["throttle"] == 1
    assert [fault["kind"] for fault in document["active"]] == ["throttle", "gone"]

    assert chaos("clear").exit_code == 0
    assert faults.status()["active"] == []
    assert "the endpoint is well" in chaos("status").stdout


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (["--kind", "slow"], "no fault is called 'slow'"),
        (["--kind", "unavailble"], "no fault is called 'unavailble'. Did you mean unavailable?"),
        (["--kind", "Throttle"], "Did you mean throttle?"),
        (["--kind", "gone", "--rate", "0.5"], "leave the rate out"),
        (["--kind", "cut", "--rate", "2"], "--rate"),
        (["--kind", "cut", "--for", "0"], "--for"),
    ],
)
def test_an_order_that_makes_no_sense_is_one_line(faults: Faults, order: list[str], reason: str) -> None:
    result = chaos("endpoint", *order)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert "Traceback" not in result.stderr
    assert faults.status()["active"] == []


def test_kill_worker_kills_one_of_the_function_and_nothing_else(cloud: RunningCloud) -> None:
    with worker("scones-Classify-1") as wanted, worker("scones-Filter-1") as other, worker(None) as server:
        result = chaos("kill-worker", "--function", "scones-classify")
        assert result.exit_code == 0
        assert f"Killed process {wanted.pid} of scones-Classify-1." in result.stderr
        assert wanted.wait(60) == -signal.SIGKILL
        assert other.poll() is None
        assert server.poll() is None

        assert chaos("kill-worker", "--function", "scones-classify").exit_code == 2
        assert chaos("kill-worker", "--all").exit_code == 0
        assert other.wait(60) == -signal.SIGKILL
        assert server.poll() is None


def test_a_worker_of_another_cloud_is_not_found(cloud: RunningCloud) -> None:
    """Parentage decides: a worker beside the process that holds this cloud is somebody else's."""
    with worker(None) as holder, worker("scones-Classify-1") as stranger:
        write_cloud(RunningCloud(cloud.endpoint_url, cloud.region, cloud.stack, holder.pid, ready=True))
        result = chaos("kill-worker", "--all")
        assert result.exit_code == 2
        assert "no such Lambda worker" in result.stderr
        assert stranger.poll() is None
