"""The thresholds in effect: the live ones in SSM, or the deployed ones while those cannot be read."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from filter.certificate import Certificate, checked
from filter.errors import StoreUnavailableError
from filter.live_value import parse_live_value
from filter.settings import Settings


class Source(Protocol):
    """The store of the live thresholds."""

    def get(self, name: str) -> str:
        """Return the parameter's value, or raise StoreUnavailableError."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    One for each label, with their certificate.

    `stopped` says why nothing passes; `problem`, why they are the deployed ones although live ones are configured.
    """

    of: Mapping[str, float]
    certificate: Certificate | None = None
    stopped: str | None = None
    problem: str | None = None


class LiveThreshold:
    """The live thresholds of a stack, read again when the cached value is too old."""

    # Not the monotonic clock: it may stop while Lambda keeps the function frozen.
    def __init__(
        self, source: Source | None, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._known = Thresholds(settings.thresholds)
        self._asked_at: float | None = None

    def read(self) -> Thresholds:
        """
        Return the thresholds in effect; never fails.

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

    def _ask(self, source: Source) -> Thresholds:
        name, settings = self._settings.threshold_parameter, self._settings
        try:
            found = Thresholds(*parse_live_value(source.get(name), settings.labels))
            certificate = found.certificate if settings.requires_certificate else None
            if certificate is None or certificate.endpoint_config is None:
                return found
            name = settings.certificate_check
            return replace(found, certificate=checked(certificate, source.get(name)))
        except (StoreUnavailableError, ValueError) as error:
            return Thresholds(self._settings.thresholds, problem=f"parameter {name}: {error}")
