"""How often a command looks at a cloud that it waits for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from scones.connection import Connection

_SLOWEST_LOCAL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Pace:
    """How often to look: soon at first, then steadily, and slower the longer nothing comes.

    A pause is never shorter than the round before it took, so that watching costs at most half of the time.
    """

    first_s: float = 0.1
    steady_s: float = 0.2
    longest_s: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def pace_for(connection: "Connection") -> Pace:
    """Look more slowly for results where listings cost money and time."""
    return Pace(longest_s=_SLOWEST_LOCAL_S) if connection.is_local else Pace()
