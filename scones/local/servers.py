"""The two servers of the local cloud: MiniStack for AWS, and our own endpoint in SageMaker's place."""

from __future__ import annotations

import errno
import socket
import sys
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Final

from scones.errors import SconesError
from scones.local.address import Address, tool_environment
from scones.local.processes import Processes

START_TIMEOUT_S: Final = 60
POLL_S: Final = 0.05
# The servers are on this machine: a proxy that the environment names knows nothing of them.
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def require_free(address: Address) -> None:
    """Check that both ports can be bound.

    Raises
    ------
    SconesError
        Naming the port or the address, and the option that chooses another.
    """
    if address.aws_port == address.endpoint_port:
        message = f"--port and --endpoint-port are both {address.aws_port}: choose another for one of them"
        raise SconesError(message)
    for port, option in ((address.aws_port, "--port"), (address.endpoint_port, "--endpoint-port")):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address.host, port))
            except socket.gaierror as error:
                message = (
                    f"--listen takes an IPv4 address of this machine, not {address.host!r} ({error.strerror})"
                )
                raise SconesError(message) from error
            except OSError as error:
                place = f"{address.host}:{port}"
                if error.errno == errno.EADDRNOTAVAIL:
                    message = (
                        f"cannot listen on {address.host}: name an address of this machine with --listen"
                    )
                    raise SconesError(message) from error
                message = f"cannot listen on {place} ({error.strerror}): choose another port with {option}"
                raise SconesError(message) from error


def start_aws(
    processes: Processes, address: Address, root: Path, concurrency: int, *, persist: bool = False
) -> None:
    """Start the emulated AWS; it does not answer yet when this returns.

    With `persist` it continues where the last persistent one stopped, however that one stopped.
    """
    scratch = processes.log_dir.parent / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    settings = {
        "GATEWAY_PORT": str(address.aws_port),
        "BIND_HOST": address.host,
        "TMPDIR": str(scratch),
        "S3_DATA_DIR": str(scratch / "s3"),
        # Invocations wait for a slot (see ministack.lambda_functions), so the emulator itself refuses none.
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",
        "SCONES_LAMBDA_CONCURRENCY": str(concurrency),
        # Listeners of services that we do not use, on ports of their own.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    if persist:
        kept = processes.log_dir.parent / "aws"
        settings |= {"PERSIST_STATE": "1", "STATE_DIR": str(kept / "state")}
        settings |= {"S3_PERSIST": "1", "S3_DATA_DIR": str(kept / "s3")}
    command = [sys.executable, "-m", "scones.local.emulator"]
    processes.start("aws", command, _python_environment(address) | settings, root)


def start_endpoint(processes: Processes, address: Address, root: Path, options: list[str]) -> None:
    """Start the model's endpoint; it does not answer yet when this returns."""
    faults = str(processes.log_dir.parent / "faults")  # where `scones chaos` finds the address for its orders
    command = [sys.executable, "-m", "endpoint.server", "--host", address.host]
    command += ["--port", str(address.endpoint_port), "--faults", faults, *options]
    processes.start("endpoint", command, _python_environment(address), root)


def endpoint_options(name: str, model: Path | None, capture: Path | None) -> list[str]:
    """Return the endpoint's options: its name, another model than the shipped one, where to capture data."""
    options = ["--endpoint-name", name]
    options += ["--model", str(model)] if model else []
    options += ["--capture", str(capture)] if capture else []
    return options


def wait_for_aws(processes: Processes, address: Address) -> None:
    """Wait until the emulated AWS answers; see `_wait_for` for the errors."""
    _wait_for(processes, "aws", f"{address.aws_url}/_ministack/health")


def wait_for_endpoint(processes: Processes, address: Address) -> None:
    """Wait until the endpoint answers; see `_wait_for` for the errors."""
    _wait_for(processes, "endpoint", f"{address.endpoint_url}/ping")


def _wait_for(processes: Processes, name: str, url: str) -> None:
    """Wait until a server answers its health check.

    Raises
    ------
    SconesError
        When it stops, or does not answer within `START_TIMEOUT_S`.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(url):
        if processes.dead(name):
            message = f"the local {name} server stopped: {processes.last_line(name)}"
            raise SconesError(message)
        if time.monotonic() > deadline:
            message = f"the local {name} server does not answer at {url}: see {processes.log_of(name)}"
            raise SconesError(message)
        processes.pause(POLL_S)


def _python_environment(address: Address) -> dict[str, str]:
    return tool_environment(address) | {"PYTHONUNBUFFERED": "1"}


def _answers(url: str) -> bool:
    try:
        with _DIRECT.open(url, timeout=2) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (urllib.error.URLError, OSError):
        return False
