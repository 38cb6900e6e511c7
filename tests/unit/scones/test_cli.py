"""The command group: fast help, lazy imports, and one line for every error."""

from __future__ import annotations

import signal
import subprocess
import sys
from importlib.metadata import entry_points, version
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import click
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from click.testing import CliRunner

from scones import cli
from scones.cli import LazyGroup, main
from scones.running_cloud import RunningCloud
from tests.fakes.command_contract import commands_with_schema

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import FakeCloudFormation, MakeImages, Scones

HEAVY = ("boto3", "botocore", "rich", "ministack", "scones.drop", "scones.local")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from scones.cli import main; main(['--help'], standalone_mode=False); "
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in cli.COMMANDS)


def test_help_works_when_a_subcommand_cannot_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LazyGroup, "lazy", {"up": cli.Lazy("scones.nowhere:up", "Start it.")})
    assert "Start it." in CliRunner().invoke(main, ["--help"]).stdout


@pytest.mark.parametrize("name", ["drop", "status", "results"])
def test_summaries_are_those_of_the_commands(name: str) -> None:
    context = click.Context(main)
    command = main.get_command(context, name)
    assert command is not None
    assert command.name == name


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_module(_name: str) -> NoReturn:
        raise ModuleNotFoundError(name="ministack.core")

    monkeypatch.setattr("scones.cli.importlib.import_module", no_module)
    result = CliRunner(mix_stderr=False).invoke(main, ["up"])
    assert result.exit_code == 2
    assert "needs the Python package ministack.core: install scones[local]" in result.stderr


def test_version_and_unknown_command() -> None:
    assert (
        CliRunner().invoke(main, ["--version"], prog_name="scones").output == f"scones {version('scones')}\n"
    )
    assert CliRunner().invoke(main, ["frobnicate"]).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        (["statsu"], "Did you mean status?"),
        (["Drop"], "Did you mean drop?"),
        (["chaos", "kill-wroker"], "Did you mean kill-worker?"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest(arguments: list[str], nearest: str) -> None:
    refused = CliRunner().invoke(main, arguments)
    assert refused.exit_code == 2
    assert nearest in refused.output


def test_a_command_like_no_other_is_refused_without_a_guess() -> None:
    assert "Did you mean" not in CliRunner().invoke(main, ["frobnicate"]).output


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NoCredentialsError(), "no usable AWS credentials"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "ListObjectsV2"), "has expired: sign in again"),
    ],
)
def test_aws_errors_become_one_line(
    scones: Scones,
    cloudformation: FakeCloudFormation,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    line: str,
) -> None:
    def fail(**_request: object) -> NoReturn:
        raise error

    monkeypatch.setattr(cloudformation, "describe_stacks", fail)
    result = scones("status")
    assert result.exit_code == 2
    assert line in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_bugs_keep_their_traceback(
    scones: Scones, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloudformation, "describe_stacks", lambda **_request: dict[str, str]()["bug"])
    assert isinstance(scones("status").exception, KeyError)


def test_ctrl_c_anywhere_is_130(
    scones: Scones, cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(**_request: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cloudformation, "describe_stacks", interrupt)
    assert scones("status").exit_code == 130


def test_unknown_profile_and_stack(scones: Scones, aws: None, cloudformation: FakeCloudFormation) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["status", "--stack", "scones", "--profile", "ghost"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "no AWS profile named ghost" in result.stderr
    result = scones("status", stack=None)
    assert result.exit_code == 2
    result = CliRunner(mix_stderr=False).invoke(main, ["status", "--stack", "ghost", "--region", "us-east-1"])
    assert result.exit_code == 2
    assert "no stack named ghost in us-east-1" in result.stderr


def test_no_region(cloudformation: FakeCloudFormation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    result = CliRunner(mix_stderr=False).invoke(main, ["status", "--stack", "scones"])
    assert result.exit_code == 2
    assert "no valid AWS region" in result.stderr


@pytest.mark.parametrize("command", ["status", "results", "drop"])
def test_no_local_cloud(scones: Scones, images: MakeImages, command: str) -> None:
    images("one.png")
    result = scones(command, *(["photos"] if command == "drop" else []), stack=None)
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: no local cloud is running: start one with `scones up`, "
        "or name a deployed stack with --stack\n"
    )


def test_a_local_cloud_that_is_still_starting(scones: Scones, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = RunningCloud("http://127.0.0.1:4566", "us-east-1", "scones", 1, ready=False)
    monkeypatch.setattr("scones.connection.read_cloud", lambda: cloud)
    assert "still starting" in scones("status", stack=None).stderr


def test_a_local_cloud_that_does_not_answer(scones: Scones, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = RunningCloud("http://127.0.0.1:9", "us-east-1", "scones", 1, ready=True)
    monkeypatch.setattr("scones.connection.read_cloud", lambda: cloud)
    monkeypatch.setattr("botocore.retries.standard.RetryHandler.needs_retry", lambda *_args, **_kwargs: None)
    result = scones("status", stack=None)
    assert result.exit_code == 2
    assert "the local cloud at http://127.0.0.1:9/ does not answer" in result.stderr


def test_a_profile_without_a_stack_is_refused() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["status", "--profile", "work"])
    assert result.exit_code == 2
    assert "with --stack" in result.stderr


CLOSED_PIPE = """
import sys
from scones.terminal import notice, out, print_json
from scones.cli import main
import click
@click.command()
def chatty():
    for number in range(100_000):
        {line}
main.lazy = {{"chatty": None}}
main.get_command = lambda ctx, name: chatty
main(["chatty"])
"""


@pytest.mark.parametrize("line", ["out().print('x' * 80)", "print_json([number] * 80)"])
def test_a_closed_pipe_is_no_traceback(line: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CLOSED_PIPE.format(line=line)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait() == 1


def run_process(body: str, **more: Any) -> subprocess.Popen[str]:
    """Run `scones work`, a command with this body, as a process."""
    code = (
        "import os, sys, threading, time, click\n"
        "from scones.__main__ import main, start\n"
        "from scones.terminal import print_json\n"
        f"@click.command()\ndef work():\n    {body}\n"
        "main.get_command = lambda ctx, name: work\nmain.lazy = {'work': None}\n"
        "sys.argv = ['scones', 'work']\nstart()\n"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, **more)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_command_as_ctrl_c_does(number: signal.Signals) -> None:
    body = "try:\n        click.echo('ready')\n        time.sleep(60)\n    finally:\n        click.echo('cleaned up')"
    # What starts tests in the background lets them ignore SIGINT.
    with run_process(
        body, stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(number, signal.SIG_DFL)
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.communicate(timeout=30) == ("cleaned up\n", "")
    assert process.returncode == 130


def test_a_command_that_is_done_does_not_wait_for_its_threads() -> None:
    body = "threading.Thread(target=time.sleep, args=(60,)).start()\n    click.echo('done')"
    with run_process(body, stdout=subprocess.PIPE) as process:
        assert process.communicate(timeout=30) == ("done\n", "")
    assert process.returncode == 0


def test_nohup_still_protects_a_command() -> None:
    body = "os.kill(os.getpid(), 1)\n    click.echo('still here')"
    with run_process(
        body, stdout=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ) as process:
        assert process.communicate(timeout=30) == ("still here\n", "")
    assert process.returncode == 0


def test_ctrl_c_waits_for_no_thread() -> None:
    body = "threading.Thread(target=time.sleep, args=(60,)).start()\n    raise KeyboardInterrupt"
    with run_process(body) as process:
        try:
            assert process.wait(30) == 130
        finally:
            process.kill()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize("body", ["print_json([1])", "sys.stdout.write('left in the buffer')"])
def test_an_output_that_cannot_be_written_is_one_line(body: str) -> None:
    with Path("/dev/full").open("w") as full, run_process(body, stdout=full) as process:
        assert process.communicate(timeout=30)[1] == (
            "Error: cannot write the output: No space left on device\n"
        )
    assert process.returncode == 2


def test_an_error_of_a_file_stays_a_traceback() -> None:
    with run_process("open('/nowhere/file')") as process:
        assert "FileNotFoundError" in process.communicate(timeout=30)[1]
    assert process.returncode == 1


def test_the_installed_command_starts_the_process() -> None:
    (script,) = entry_points(group="console_scripts", name="scones")
    assert script.value == "scones.__main__:start"


def test_not_a_command_is_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scones.cli.importlib.import_module", lambda _name: SimpleNamespace(drop=3))
    assert isinstance(CliRunner().invoke(main, ["drop"]).exception, TypeError)


@pytest.mark.parametrize(
    "arguments",
    [
        ["why", "\udcff.jpg"],
        ["why", "a.jpg", "--version-id", "\udcff"],
        ["drop", ".", "--prefix", "\udcff"],
        ["results", "--key", "\udcff*"],
        ["fetch", "--to", "copies", "--label", "\udcff"],
        ["graph", "--execution", "arn:\udcff"],
        ["backfill", "\udcff"],
        ["doctor", "--endpoint-name", "\udcff"],
        ["status", "--stack", "\udcff"],
        ["up", "--parameter", "Labels=\udcff"],
        ["chaos", "kill-worker", "--function", "\udcff"],
    ],
)
@pytest.mark.usefixtures("clean_environment")
def test_a_text_that_is_not_utf_8_is_a_usage_error(arguments: list[str]) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert result.exit_code == 2
    assert "Error: Invalid value" in result.stderr
    assert r"\udcff" in result.stderr
    assert "is not UTF-8" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [["drop", ""], ["drop", ".", ""], ["fetch", "--to", ""], ["up", "--capture", ""], ["up", "--model", ""]],
)
@pytest.mark.usefixtures("clean_environment")
def test_an_empty_path_is_a_usage_error(arguments: list[str]) -> None:
    result = CliRunner(mix_stderr=False).invoke(main, arguments)
    assert result.exit_code == 2
    assert "a path must not be empty" in result.stderr


def test_every_json_has_a_published_schema() -> None:
    context, with_json = click.Context(main), set()
    for name in cli.COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        parts = {name: command}
        if isinstance(command, click.Group):
            parts |= {f"{name} {part}": one for part, one in command.commands.items()}
        with_json |= {
            part for part, one in parts.items() if any("--json" in parameter.opts for parameter in one.params)
        }
    assert "chaos status" in with_json
    assert with_json <= commands_with_schema()
