"""The threshold in effect: the live one in SSM, or the deployed one while that cannot be read."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from filter.errors import StoreUnavailableError
from filter.settings import Settings, parse_threshold


class Source(Protocol):
    """The store of the live threshold."""

    def get(self, name: str) -> str:
        """Return the parameter's value, or raise StoreUnavailableError."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold; `problem` says why it is the deployed one although a live one is configured."""

    value: float
    problem: str | None = None


class LiveThreshold:
    """The live threshold of a stack, read again when the cached value is too old."""

    # Not the monotonic clock: it may stop while Lambda keeps the function frozen.
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
        Return the threshold in effect; never fails.

        A failure of SSM is cached as long as a response, so that not every image waits for it.
        """
        if self._source is not None and self._is_old():
            self._known = self._ask(self._source)
            self._asked_at = self._clock()
        return self._known

    def _is_old(self) -> bool:
        # After the clock was set back, a time in the future counts as too old.
        age = None if self._asked_at is None else self._clock() - self._asked_at
        return age is None or not 0 <= age < self._settings.threshold_max_age_s

    def _ask(self, source: Source) -> Threshold:
        name = self._settings.threshold_parameter
        try:
            return Threshold(parse_threshold(source.get(name)))
        except (StoreUnavailableError, ValueError) as error:
            return Threshold(self._settings.threshold, f"parameter {name}: {error}")
