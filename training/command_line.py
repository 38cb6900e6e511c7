"""Shared by all command lines of training: one-line errors, exit codes, Ctrl-C and types of options."""

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

FAILED, INTERRUPTED = 1, 130  # 128 + SIGINT, as in a shell


def command(
    name: str,
    *,
    stopped: str = "stopped",
    failed: int = FAILED,
    also: tuple[type[Exception], ...] = (),
) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Wrap a function as a `main`: an error that the user can act on becomes one line and an exit code.

    Any other exception is a bug and keeps its traceback.

    Parameters
    ----------
    name
        The command's name, as typed after `training`.
    stopped
        The line printed after Ctrl-C or SIGTERM; it says what a second run does.
    failed
        The exit code of an error.
    also
        Errors of libraries other than AWS's that are caused by the input.
    """

    def expected() -> tuple[
        type[Exception], ...
    ]:  # evaluated only after an error: AWS's library is slow to import
        return (TrainingError, ModelFileError, OSError, *also, *aws_errors())

    def decorate(main: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(main)
        def guarded(*args: object, **kwargs: object) -> int:
            try:
                return main(*args, **kwargs)
            except KeyboardInterrupt:  # the first: the other's types take seconds to import on a busy machine
                print(f"training.{name}: {stopped}", file=sys.stderr)
                return INTERRUPTED
            except expected() as error:
                print(f"training.{name}: {explain(error)}", file=sys.stderr)
                return failed

        return guarded

    return decorate


def start(main: Callable[[], int]) -> None:
    """Run a command as the process: SIGTERM cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def explain(error: Exception) -> str:
    """Format an error as one line; errors of the file system include the next step."""
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
