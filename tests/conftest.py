"""What tests of every layer share: the repository's root, free ports, and an emulated AWS."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from scones.local import emulator, servers
from scones.local.address import Address
from scones.local.processes import Processes

ROOT = Path(__file__).parent.parent
# A test run that is killed takes its local clouds with it.
os.environ[emulator.OWNER_SETTING] = str(os.getpid())


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


def free_address() -> Address:
    """Return an address of two ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", one.getsockname()[1], other.getsockname()[1])


@pytest.fixture(scope="session")
def address() -> Address:
    return free_address()


@pytest.fixture(scope="session")
def emulated_aws(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An AWS without the product in it, whose waits and retries take no time."""
    processes = Processes(tmp_path_factory.mktemp("aws") / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0")
        servers.start_aws(processes, address, ROOT, concurrency=4)
    try:
        servers.wait_for_aws(processes, address)
        yield address
    finally:
        processes.stop()
