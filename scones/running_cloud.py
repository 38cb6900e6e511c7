"""Where the running local cloud is written down, so that every command finds it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, TextIO

_PACKAGE: Final = Path(__file__).resolve().parent
_READERS_PATIENCE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class RunningCloud:
    """A local cloud: where it answers, the stack deployed to it, and the process that holds it."""

    endpoint_url: str
    region: str
    stack: str
    pid: int
    ready: bool


def project_root() -> Path:
    """Return the nearest folder from here upwards with a template.yaml, else the one above the package."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "template.yaml").is_file():
            return folder
    return _PACKAGE.parent


def state_dir() -> Path:
    """Return the folder of the local cloud's state; it need not exist.

    SCONES_STATE_DIR names another one, for a second cloud beside the first.
    """
    named = os.environ.get("SCONES_STATE_DIR")
    return Path(named).resolve() if named else project_root() / ".scones"


def read_cloud() -> RunningCloud | None:
    """Return the local cloud that is running, or None: no file, an unreadable one, or nobody holds it."""
    if not _held():
        return None
    try:
        fields = json.loads(_file().read_text(encoding="utf-8"))
        return RunningCloud(
            endpoint_url=str(fields["endpoint_url"]),
            region=str(fields["region"]),
            stack=str(fields["stack"]),
            pid=int(fields["pid"]),
            ready=bool(fields["ready"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def hold_cloud() -> Iterator[bool]:
    """Hold the local cloud for this process, and forget it at the end; yields False where another process does.

    A lock, not the process id in the file, says whether a cloud is running: the system drops the lock when the
    process dies in whatever way, and gives its id to another.
    """
    _lock().parent.mkdir(parents=True, exist_ok=True)
    with _lock().open("w") as lock:
        if not _take(lock):
            yield False
            return
        try:
            yield True
        finally:
            _file().unlink(missing_ok=True)


def write_cloud(cloud: RunningCloud) -> None:
    """Write the local cloud down, in one step: a reader sees the old file or the new one."""
    file = _file()
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.write_text(json.dumps(asdict(cloud)) + "\n", encoding="utf-8")
    draft.replace(file)


def _file() -> Path:
    return state_dir() / "cloud.json"


def _lock() -> Path:
    return state_dir() / "lock"


def _take(lock: TextIO) -> bool:
    # A reader holds the lock for an instant too; only a holder keeps it.
    deadline = time.monotonic() + _READERS_PATIENCE_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def _held() -> bool:
    try:
        with _lock().open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
