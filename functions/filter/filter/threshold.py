"""The threshold that counts now: the live one in SSM, or the deployed one while that cannot be had."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from filter.errors import ParameterUnavailableError
from filter.settings import Settings, parse_threshold


class Source(Protocol):
    """Where the live threshold is."""

    def get(self, name: str) -> str:
        """Return the parameter's value, or raise ParameterUnavailableError."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold to judge by; `problem` says why it is the deployed one where the live one should count."""

    value: float
    problem: str | None = None


class LiveThreshold:
    """The live threshold of a stack, asked for anew when what is known is too old."""

    # Not the monotonic clock: it may stand still while Lambda keeps the function frozen.
    def __init__(
        self, source: Source | None, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._known = Threshold(settings.threshold)
        self._asked_at: float | None = None

    def read(self) -> Threshold:
        """
        Return the threshold to judge by now; never fails.

        That SSM did not answer is remembered as long as an answer is, so that not every image waits for it.
        """
        if self._source is not None and self._is_old():
            self._known = self._ask(self._source)
            self._asked_at = self._clock()
        return self._known

    def _is_old(self) -> bool:
        # A clock that was set back makes old what is from the future.
        age = None if self._asked_at is None else self._clock() - self._asked_at
        return age is None or not 0 <= age < self._settings.threshold_max_age_s

    def _ask(self, source: Source) -> Threshold:
        name = self._settings.threshold_parameter
        try:
            return Threshold(parse_threshold(source.get(name)))
        except (ParameterUnavailableError, ValueError) as error:
            return Threshold(self._settings.threshold, f"parameter {name}: {error}")
