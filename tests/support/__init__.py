"""Shared by the tests of all layers."""

import random
import socket
from pathlib import Path

from scones.local.address import Address

ROOT = Path(__file__).parents[2]
# Below what Linux (from 32768) and macOS (from 49152) give to clients and to servers that ask for any port: a port from
# there may be somebody else's by the time a cloud, seconds later, listens on it.
OUR_PORTS = range(20_000, 32_000)


def free_address() -> Address:
    """Return an address with two unused ports."""
    # Not of the seeded generator, which draws the same in every process of a test run.
    drawn = random.SystemRandom().sample(OUR_PORTS, 100)
    aws_port, endpoint_port, *_ = filter(is_free, drawn)
    return Address("127.0.0.1", aws_port, endpoint_port)


def is_free(port: int) -> bool:
    """Whether nothing on this machine listens on a port."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
