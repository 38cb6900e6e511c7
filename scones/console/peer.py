"""Which user of this machine is at the other end of a connection.

Browsers send a host's cookies to all of its ports. A page of another user's server on 127.0.0.1 could so learn the
console's cookie; that user's own connections are refused all the same. Linux tells the owner of each socket
(proc_net_tcp in the kernel's documentation); elsewhere the cookie alone decides.
"""

import os
from pathlib import Path
from typing import Final

_SOCKETS: Final = Path("/proc/net/tcp")
_LOOPBACK: Final = "0100007F"
"""127.0.0.1 as the kernel prints it on a little-endian machine."""
_ROOT: Final = 0
_LOCAL, _OWNER = 1, 7


def is_another_users(client: tuple[str, int] | None) -> bool:
    """Tell whether a connection from this address and port belongs to another user; root may do anything anyway."""
    if client is None or client[0] != "127.0.0.1":
        return False
    owner = _owner(client[1])
    return owner is not None and owner not in {_ROOT, os.getuid()}


def _owner(port: int) -> int | None:
    wanted = f"{_LOOPBACK}:{port:04X}"
    try:
        with _SOCKETS.open() as sockets:
            rows = (line.split() for line in sockets)
            return next((int(row[_OWNER]) for row in rows if row[_LOCAL] == wanted), None)
    except OSError:  # not Linux
        return None
