"""Shared by the tests of all layers."""

import socket
from pathlib import Path

from scones.local.address import Address

ROOT = Path(__file__).parents[2]


def free_address() -> Address:
    """Return an address with two unused ports."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return Address("127.0.0.1", one.getsockname()[1], other.getsockname()[1])
