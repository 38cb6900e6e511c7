"""The folder of unfinished copies: held by a lock while its process lives, deleted by the next fetch where it died."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_PREFIX: Final = ".scones-fetch-"


@contextmanager
def drafts_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for drafts inside another one, and delete it at the end, as well as those nobody holds."""
    for left in folder.glob(f"{_PREFIX}*"):
        _delete_unheld(left)
    path, lock = _make(folder)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _make(folder: Path) -> tuple[Path, int | None]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=folder))
        try:
            lock = _lock(path)
        except (BlockingIOError, FileNotFoundError):
            continue  # another fetch saw it before it was locked
        except OSError:
            return path, None  # a file system without locks, where none is deleted either
        if path.exists():
            return path, lock
        os.close(lock)


def _delete_unheld(path: Path) -> None:
    try:
        lock = _lock(path)
    except OSError:
        return
    shutil.rmtree(path, ignore_errors=True)
    os.close(lock)


def _lock(path: Path) -> int:
    """Lock a folder, not what a link names, and return its descriptor: closing that unlocks it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
