"""Builds and deploys the template as it is, with the SAM CLI a user would run."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from scones.errors import SconesError
from scones.local.address import Address, tool_environment, tool_path
from scones.local.processes import Processes

# Named, because SAM reads the samconfig.toml of a guided deploy instead where there is one.
CONFIG: Final = "samconfig.yaml"
SOURCES: Final = (
    "template.yaml",
    CONFIG,
    "functions",
    "statemachine",
    "intake",
    "review",
    "recovery",
    "monitoring",
)
SAM: Final = ("-m", "scones.local.sam_cli")
TIMEOUT_S: Final = 300


def require_python() -> None:
    """Check that `sam build` will find the Python that the functions run on.

    Raises
    ------
    SconesError
        When there is no python3.13 on PATH, with the next step.
    """
    if shutil.which("python3.13", path=tool_path()) is None:
        message = "no python3.13 on PATH, which sam build needs: install Python 3.13, then run `make setup`"
        raise SconesError(message)


@contextmanager
def alone_in_build(processes: Processes, root: Path) -> Iterator[None]:
    """Wait until no other `scones up` of this project builds or reads the build, and keep others waiting."""
    folder = root / ".aws-sam"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                processes.pause(0.1)
            else:
                break
        yield


def is_built(root: Path) -> bool:
    """Say whether the last build was made of the sources as they are now."""
    stamp = _stamp(root)
    return stamp.is_file() and stamp.read_text() == _fingerprint(root)


def build(processes: Processes, address: Address, root: Path) -> None:
    """Run `sam build`, and remember what it was made of.

    Raises
    ------
    SconesError
        When it fails, with SAM's own reason.
    """
    sources = _fingerprint(root)
    _run(processes, address, root, "build", [])
    _stamp(root).write_text(sources)


def deploy(processes: Processes, address: Address, root: Path, parameters: Mapping[str, str]) -> None:
    """Run `sam deploy --config-env local` with these template parameters; its log shows no address of a person.

    Raises
    ------
    SconesError
        When it fails, with SAM's own reason.
    """
    overrides = [f'ParameterKey={name},ParameterValue="{value}"' for name, value in parameters.items()]
    options = ["--config-env", "local", "--parameter-overrides", *overrides]
    try:
        _run(processes, address, root, "deploy", options)
    finally:
        _hide_addresses(processes.log_of("deploy"), parameters.values())


def _run(processes: Processes, address: Address, root: Path, command: str, options: list[str]) -> None:
    environment = tool_environment(address) | {
        "SAM_CLI_TELEMETRY": "0",
        # SAM asks CloudFormation every half second; ours is ready at once.
        "SAM_CLI_POLL_DELAY": "0.1",
        # SAM keeps its own state in the home folder otherwise.
        "__SAM_CLI_APP_DIR": str(processes.log_dir.parent / "sam"),
    }
    if find_spec("samcli") is None:
        message = "no SAM CLI beside this Python: run `make setup`"
        raise SconesError(message)
    words = [sys.executable, *SAM, command, "--config-file", CONFIG, *options]
    process = processes.start(command, words, environment, root)
    deadline = time.monotonic() + TIMEOUT_S
    while (code := process.poll()) is None:
        if time.monotonic() > deadline:
            message = f"`sam {command}` did not end in {TIMEOUT_S} s: see {processes.log_of(command)}"
            raise SconesError(message)
        processes.pause(0.05)
    if code != 0:
        message = f"`sam {command}` failed: {_reason(processes, command)} (see {processes.log_of(command)})"
        raise SconesError(message)


def _hide_addresses(log: Path, values: Iterable[str]) -> None:
    """Write stars over e-mail addresses, which SAM prints among the parameter overrides."""
    if not log.is_file():  # SAM did not start
        return
    written = hidden = log.read_bytes()
    for value in filter(lambda value: "@" in value, values):
        hidden = hidden.replace(value.encode(), b"*" * len(value.encode()))
    if hidden != written:
        with log.open("r+b") as file:  # in place: SAM may still write after a timeout
            file.write(hidden)


def _reason(processes: Processes, name: str) -> str:
    lines = [line.strip() for line in processes.log_of(name).read_text(errors="replace").splitlines()]
    return next((line for line in lines if line.startswith("Error:")), None) or processes.last_line(name)


def _stamp(root: Path) -> Path:
    # Inside the build, so that deleting the build deletes this record of it.
    return root / ".aws-sam" / "build" / ".sources"


def _fingerprint(root: Path) -> str:
    """Return a hash over everything `sam build` reads, and over the Python it builds with."""
    digest = hashlib.sha256(sys.version.encode())
    for path in _source_files(root):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _source_files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        path = root / source
        candidates = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in candidates if file.is_file() and "__pycache__" not in file.parts)
