"""Starts MiniStack with its patches: ``python -m scones.local.emulator``.

MiniStack reads its own settings (GATEWAY_PORT, BIND_HOST, ...) from the environment when it is imported.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Final

import psutil

from scones.local.processes import is_alive

OWNER_SETTING: Final = "SCONES_OWNER_PID"
"""Environment variable: the process without which the emulator has no purpose."""
_OWNER_POLL_S: Final = 0.5


def main() -> None:
    """Run the emulator until it is told to stop."""
    from ministack import app  # noqa: PLC0415  reads the environment at import

    from scones.local.ministack import authorization, patches, persistence  # noqa: PLC0415

    patches.apply(lambda_concurrency=int(os.environ["SCONES_LAMBDA_CONCURRENCY"]))
    if app.AUTH:
        authorization.enforce()
    if os.environ.get("PERSIST_STATE") == "1":
        persistence.keep_saving()
    if owner := os.environ.get(OWNER_SETTING):
        end_with(int(owner))
    app.main()


def end_with(owner: int) -> None:
    """Stop this process soon after another one has ended, in whatever way: tests that are killed leave no cloud behind.

    `scones up` stops when its emulator does, and takes the rest with it.
    """
    threading.Thread(target=_end_with, args=(psutil.Process(owner),), name="owner", daemon=True).start()


def _end_with(owner: psutil.Process) -> None:
    while is_alive(owner):
        time.sleep(_OWNER_POLL_S)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
