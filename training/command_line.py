"""What all command lines of training share: one-line errors, exit codes, Ctrl-C, and what options accept."""

from __future__ import annotations

import argparse
import errno
import functools
import signal
import sys
from typing import TYPE_CHECKING

from endpoint.errors import ModelFileError
from training.aws import aws_errors
from training.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED, INTERRUPTED = 1, 130  # 128 + SIGINT, as a shell counts


def command(
    name: str,
    *,
    stopped: str = "stopped",
    failed: int = FAILED,
    also: tuple[type[Exception], ...] = (),
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Make a `main` out of a function that raises: every error a person can act on becomes one line and a code.

    Any other exception is a bug, and keeps its traceback.

    Parameters
    ----------
    name
        The command as it is typed after `training`.
    stopped
        The line after Ctrl-C or SIGTERM, which says what a second run does.
    failed
        The exit code of an error.
    also
        Errors of libraries, beside AWS's, that are about what was asked.
    """

    def expected() -> tuple[
        type[Exception], ...
    ]:  # evaluated after an error alone: AWS's library is slow to import
        return (TrainingError, ModelFileError, OSError, *also, *aws_errors())

    def decorate(main: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(main)
        def guarded(*args: object, **kwargs: object) -> int:
            try:
                return main(*args, **kwargs)
            except expected() as error:
                print(f"training.{name}: {explain(error)}", file=sys.stderr)
                return failed
            except KeyboardInterrupt:
                print(f"training.{name}: {stopped}", file=sys.stderr)
                return INTERRUPTED

        return guarded

    return decorate


def start(main: Callable[[], int]) -> None:
    """Run a command as the process: SIGTERM cleans up as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def explain(error: Exception) -> str:
    """Return an error in one line; of the file system's, with what to do."""
    if not isinstance(error, OSError) or error.errno is None:
        return " ".join(str(error).split()) or type(error).__name__
    reason = error.strerror or str(error) or type(error).__name__
    line = f"{error.filename}: {reason}" if error.filename else reason
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{line}; free some space, or choose a folder on another disk"
    return f"{line}; check the path, or choose another"


def share(text: str) -> float:
    """Return a number above 0 and at most 1."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most 1")
    return value


def count(text: str) -> int:
    """Return a whole number of at least 1."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value
