"""A limit that holds when a decoder decodes more than the file's header said."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024 * 1024
SPARE_BYTES = 96 * MIB  # stacks of threads, and what allocators hold in reserve
STATUS = Path("/proc/self/status")


@contextmanager
def at_most(more: float) -> Iterator[None]:
    """
    Let allocations fail that would take the process beyond what it has now, `more` bytes and a little to spare.

    Where there is no /proc, which is nowhere in Lambda, nothing is limited.
    """
    if not STATUS.exists():
        yield
        return
    held = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmData:"))
    limits = resource.getrlimit(resource.RLIMIT_DATA)
    limit = int(held.split()[1]) * 1024 + int(more) + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, limits)
