"""Wait for a resource in the cloud, with messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_SIGN_OF_LIFE_S = 60


@dataclass(frozen=True, slots=True)
class Waiter:
    """Polls a status, and prints a line when it changes and after each minute.

    Parameters
    ----------
    say
        Receives each line.
    sleep
        Replaced by tests.
    """

    say: Callable[[str], None] = print
    sleep: Callable[[float], None] = time.sleep
    poll_s: float = 15.0
    timeout_s: float = 3600.0

    def until(self, subject: str, ask: Callable[[], str], done: Callable[[str], bool]) -> str:
        """Return the first status that is `done`.

        Raises
        ------
        TimeoutError
            It was not reached in `timeout_s` seconds.
        """
        waited, said, said_at = 0.0, "", 0.0
        while not done(answer := ask()):
            if answer != said or waited - said_at >= _SIGN_OF_LIFE_S:
                self.say(f"{subject}: {answer} ({waited:.0f} s)")
                said, said_at = answer, waited
            if waited >= self.timeout_s:
                raise TimeoutError(
                    f"{subject} is still {answer} after {waited:.0f} s; run this again to continue"
                )
            self.sleep(self.poll_s)
            waited += self.poll_s
        self.say(f"{subject}: {answer} ({waited:.0f} s)")
        return answer
