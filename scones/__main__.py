"""The `scones` process: signals that end it, an output that cannot be written, and an end that waits for no thread."""

import errno
import os
import signal
import sys
from threading import enumerate as enumerate_threads
from threading import main_thread
from typing import Final

from scones.cli import main
from scones.errors import INTERRUPTED, SconesError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def start() -> None:
    """Run the command as a process: SIGTERM and SIGHUP clean up like Ctrl-C, unless they are ignored as by nohup."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        try:
            main(prog_name="scones")
        finally:
            if sys.stdout:  # None where it is closed
                sys.stdout.flush()
    except SystemExit as end:
        if end.code == INTERRUPTED or (end.code == 0 and _has_threads()):
            os._exit(end.code)  # a thread may wait for an answer that never comes
        raise
    except OSError as error:
        if error.errno not in _FULL or error.filename is not None:
            raise
        SconesError(f"cannot write the output: {error.strerror}").show()
        os._exit(SconesError.exit_code)  # what is still in the buffer would raise again


def _has_threads() -> bool:
    """Tell whether Python would wait for threads; a command that is done has nothing left for them to do."""
    return any(not thread.daemon and thread is not main_thread() for thread in enumerate_threads())


if __name__ == "__main__":
    start()
