"""Keeps the emulated AWS on disk, so that it survives its own death: what `scones up --persist` adds.

MiniStack saves its state when it is asked to stop, which a killed process is not. AWS loses nothing when a process
dies, so here the state is saved continuously.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from ministack.core import persistence

PAUSE_S: Final = 1.0
# Saving may take this share of the time: the emulator stands still for the first half of it.
MAX_SHARE: Final = 0.2
UNINTERRUPTED_S: Final = 5.0

logger = logging.getLogger(__name__)


def keep_saving() -> None:
    """Save the state of every service, once a second or less often, from when it has been loaded to the very end."""
    from ministack import app  # noqa: PLC0415  the module must not be imported before its settings are in place

    load = app._load_persisted_state

    def load_then_save() -> None:
        load()
        logging.getLogger("persistence").setLevel(logging.WARNING)  # a line for each service, each time
        threading.Thread(target=_run, name="persistence", daemon=True).start()

    app._load_persisted_state = load_then_save


def _run() -> None:
    while True:
        took = save()
        time.sleep(max(PAUSE_S, took / MAX_SHARE))


def save() -> float:
    """Save the state of this moment; return the seconds it took."""
    started = time.monotonic()
    states = _moment()
    for name, state in states.items():
        persistence.save_state(name, state)
    return time.monotonic() - started


def _moment() -> dict[str, Any]:
    """Copy the state of all services as of one moment.

    A copy is computation alone, which no other thread interrupts as long as the interpreter switches to none. Without
    that, a copy under load fails ("dictionary changed size during iteration"), or shows an execution in one service
    that another does not know yet.
    """
    from ministack import app  # noqa: PLC0415  the module must not be imported before its settings are in place

    services = app._build_persistence_save_dict()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(UNINTERRUPTED_S)
    try:
        time.sleep(2 * interval)  # until no thread is left that waits its turn by the old interval
        return {name: state for name, get_state in services.items() if (state := _copy(name, get_state))}
    finally:
        sys.setswitchinterval(interval)


def _copy(name: str, get_state: Callable[[], Any]) -> Any:
    try:
        return get_state()
    except Exception:
        logger.exception("the state of %s is not saved this time", name)
        return None
