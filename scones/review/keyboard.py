"""Which key means what, and reading keys from a terminal one at a time."""

import os
import select
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from scones.errors import SconesError

NEITHER_KEY, CANNOT_TELL_KEY = "n", "c"
SKIP, UNDO, QUIT, OPEN, BURST = "s", "u", "q", "o", "b"
_LABEL_KEYS: Final = "123456789" + "".join(
    letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in "ncsuqob"
)


def keys_of(classes: Sequence[str]) -> Mapping[str, str]:
    """
    Return the label of each key: digits, then letters that mean nothing else.

    Raises
    ------
    SconesError
        When there are more classes than keys.
    """
    if len(classes) > len(_LABEL_KEYS):
        message = f"{len(classes)} classes are more than a keyboard has keys: use `scones console`"
        raise SconesError(message)
    return dict(zip(_LABEL_KEYS, classes, strict=False))


class Keyboard:
    """Keys of a terminal; Ctrl-C is still a signal."""

    def read(self, within_s: float) -> str | None:
        """Wait for a key; None when there is none in time, or it is not a letter or a digit."""
        ready, _, _ = select.select([sys.stdin], [], [], within_s)
        if not ready:
            return None
        pressed = os.read(sys.stdin.fileno(), 32).decode(errors="replace")
        if not pressed:  # the terminal is gone
            return QUIT
        # An arrow, or a text that was pasted, comes as several characters: no decision must come of it.
        return pressed.lower() if len(pressed) == 1 and pressed.isalnum() else None


@contextmanager
def keyboard() -> Iterator[Keyboard]:
    """
    Read keys without Enter and without showing them; the terminal is put back at the end.

    Raises
    ------
    SconesError
        Without a terminal, or on a system that cannot do this.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "`scones review` reads single keys: run it in a terminal, or use `scones console`"
        raise SconesError(message)
    try:
        import termios  # noqa: PLC0415 (not on every system)
        import tty  # noqa: PLC0415
    except ModuleNotFoundError:
        message = "`scones review` cannot read single keys on this system: use `scones console`"
        raise SconesError(message) from None
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield Keyboard()
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
