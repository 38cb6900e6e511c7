"""The commands of the local cloud say in one line what is wrong, and start nothing then."""

import io
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.local.address import Address
from scones.local.commands import _pass_on
from scones.local.processes import Processes, Stopped
from scones.local.sam import is_built
from scones.running_cloud import RunningCloud, hold_cloud, write_cloud
from tests.support import free_address


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCONES_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_busy_port_is_named_with_the_option_for_another(detach: list[str], own_state: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(main, ["up", *detach, "--port", str(port)])

    assert result.exit_code == 2
    assert f"cannot listen on 127.0.0.1:{port}" in result.output
    assert "--port" in result.output
    assert not (own_state / "logs").exists()


@pytest.mark.parametrize("detach", [[], ["--detach"]])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--port", "8080"], "--port and --endpoint-port are both 8080"),
        (["--listen", "no such host"], "--listen takes an IPv4 address of this machine, not 'no such host'"),
        (["--listen", "::1"], "--listen takes an IPv4 address of this machine"),
        (
            ["--listen", "192.0.2.1"],
            "cannot listen on 192.0.2.1: name an address of this machine with --listen",
        ),
    ],
)
def test_a_bad_address_is_named_with_its_own_option(
    options: list[str], words: str, detach: list[str], own_state: Path
) -> None:
    result = CliRunner().invoke(main, ["up", *detach, *options])

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert not (own_state / "logs").exists()


def test_down_names_what_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scones.local.commands.terminate", lambda _pid, _timeout_s: True)
    with hold_cloud():
        write_cloud(RunningCloud("http://127.0.0.1:4570", "us-east-1", "scones", 4711, ready=True))
        result = CliRunner().invoke(main, ["down"])

    assert result.exit_code == 0
    assert "Stopped the local cloud at http://127.0.0.1:4570." in result.output


def test_a_missing_python_is_named_with_the_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scones.local.sam.tool_path", lambda: "/nonexistent")
    address = free_address()
    ports = ["--port", str(address.aws_port), "--endpoint-port", str(address.endpoint_port)]
    result = CliRunner().invoke(main, ["up", *ports])

    assert result.exit_code == 2
    assert "python3.13" in result.output
    assert "make setup" in result.output


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_second_cloud_is_refused(detach: list[str]) -> None:
    with hold_cloud():
        write_cloud(RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", 4711, ready=True))
        result = CliRunner().invoke(main, ["up", *detach])

    assert result.exit_code == 2
    assert "running already (process 4711)" in result.output
    assert "scones down" in result.output


@pytest.mark.parametrize("pair", ["Labels", "=x", ""])
def test_a_parameter_without_a_value_is_refused(pair: str) -> None:
    result = CliRunner().invoke(main, ["up", "--parameter", pair])

    assert result.exit_code == 2
    assert "NAME=VALUE" in result.output


def test_down_without_a_cloud_is_no_error() -> None:
    result = CliRunner().invoke(main, ["down"])

    assert result.exit_code == 0
    assert "No local cloud is running." in result.output


def test_env_prints_lines_a_shell_can_eval() -> None:
    with hold_cloud():
        write_cloud(RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", 4711, ready=True))
        result = CliRunner().invoke(main, ["env"])

    assert result.exit_code == 0
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4566\n" in result.output


def test_a_build_is_current_until_a_source_changes(tmp_path: Path) -> None:
    from scones.local import sam

    (tmp_path / "functions").mkdir()
    (tmp_path / "statemachine").mkdir()
    for name in ("template.yaml", "samconfig.yaml", "functions/app.py"):
        (tmp_path / name).write_text("one")
    assert not is_built(tmp_path)
    stamp = sam._stamp(tmp_path)
    stamp.parent.mkdir(parents=True)
    stamp.write_text(sam._fingerprint(tmp_path))
    assert is_built(tmp_path)

    (tmp_path / "functions" / "app.py").write_text("two")

    assert not is_built(tmp_path)


def test_two_of_one_project_build_and_deploy_in_turn(tmp_path: Path) -> None:
    """Two at once took the files of the build away under each other."""
    from scones.local import sam

    waits, entered = threading.Event(), threading.Event()

    class Second(Processes):
        def pause(self, seconds: float) -> None:
            waits.set()
            super().pause(seconds)

    def enter() -> None:
        with sam.alone_in_build(Second(tmp_path / "second"), tmp_path):
            entered.set()

    with sam.alone_in_build(Processes(tmp_path / "first"), tmp_path):
        other = threading.Thread(target=enter)
        other.start()
        assert waits.wait(60)
        assert not entered.is_set()
    other.join(60)
    assert entered.is_set()


def test_a_wait_for_the_build_of_another_can_be_stopped(tmp_path: Path) -> None:
    from scones.local import sam

    stopped = Processes(tmp_path / "stopped")
    stopped.stop_requested.set()
    with (
        sam.alone_in_build(Processes(tmp_path / "first"), tmp_path),
        pytest.raises(Stopped),
        sam.alone_in_build(stopped, tmp_path),
    ):
        pytest.fail("two at once")


def test_a_failed_deploy_is_one_line_with_sams_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scones.errors import SconesError
    from scones.local import sam

    program = "import sys; print('Deploying'); sys.exit('Error: Stack is in ROLLBACK_COMPLETE\\nbye')"
    monkeypatch.setattr(sam, "SAM", ("-c", program))
    processes = Processes(tmp_path / "state" / "logs")
    with pytest.raises(SconesError) as failed:
        sam.deploy(processes, free_address(), tmp_path, {"SweepDays": "1"})
    processes.stop()
    assert failed.value.message.startswith("`sam deploy` failed: Error: Stack is in ROLLBACK_COMPLETE (see ")


def test_the_steps_of_a_detached_cloud_are_shown_as_it_takes_them() -> None:
    steps: list[str] = []
    log = io.StringIO(
        "Building the functions (sam build) ...\nServing m.onnx.\nDeploying ...\nReady in 9 s.\n"
    )
    assert _pass_on(log, steps.append) == ["Serving m.onnx.\n", "Ready in 9 s.\n"]
    assert steps == ["Building the functions (sam build)", "Deploying"]


@pytest.mark.parametrize("command", ["build", "deploy"])
def test_the_answers_to_a_guided_deploy_mean_nothing_to_up(tmp_path: Path, command: str) -> None:
    """They may name another region or a profile of an account."""
    from scones.local import sam

    started: list[str] = []

    class Recorded(Processes):
        def start(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Any:
            started.extend(command)
            return Mock(poll=Mock(return_value=0))

    sam._run(Recorded(tmp_path), Address("127.0.0.1", 4566, 8080), tmp_path, command, [])

    assert started == [sys.executable, *sam.SAM, command, "--config-file", "samconfig.yaml"]


def test_the_log_of_a_deploy_shows_no_address_of_a_person(tmp_path: Path) -> None:
    """SAM prints the parameter overrides."""
    from scones.local import sam

    class Printing(Processes):
        def start(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> Any:
            self.log_of(name).write_text(" ".join(command) + "\nSuccessfully created\n")
            return Mock(poll=Mock(return_value=0))

    processes = Printing(tmp_path)
    parameters = {"AlertEmail": "operator@example.com", "Labels": "cat,dog"}
    sam.deploy(processes, Address("127.0.0.1", 4566, 8080), tmp_path, parameters)

    log = processes.log_of("deploy").read_text()
    assert "operator" not in log
    assert 'ParameterKey=Labels,ParameterValue="cat,dog"' in log
    assert log.endswith("\nSuccessfully created\n")
