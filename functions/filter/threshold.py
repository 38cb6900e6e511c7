"""The threshold that counts now: the live one in SSM, or the deployed one while that cannot be had."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aws_lambda_powertools.utilities.parameters import GetParameterError

from settings import Settings, parse_threshold


class Provider(Protocol):
    """What is used of Powertools' SSMProvider, which keeps the values that it got for `max_age` seconds."""

    def get(self, name: str, max_age: int | None = None) -> object:
        """Return the parameter's value, or raise GetParameterError."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold to judge by; `problem` says why it is the deployed one where the live one should count."""

    value: float
    problem: str | None = None


class LiveThreshold:
    """The live threshold of a stack, asked for anew when what is known is too old."""

    # Not the monotonic clock: it may stand still while Lambda keeps the function frozen. Powertools does the same.
    def __init__(
        self, provider: Provider | None, settings: Settings, clock: Callable[[], float] = time.time
    ) -> None:
        self._provider = provider
        self._settings = settings
        self._clock = clock
        self._fallback = Threshold(settings.threshold)
        self._fallback_until = 0.0

    def read(self) -> Threshold:
        """
        Return the threshold to judge by now; never fails.

        That SSM did not answer is remembered as long as an answer is, so that not every image waits for it.
        """
        settings = self._settings
        if self._provider is None or self._clock() < self._fallback_until:
            return self._fallback
        name = settings.threshold_parameter
        try:
            text = self._provider.get(name, max_age=settings.threshold_max_age_s)
            return Threshold(parse_threshold(str(text)))
        except (GetParameterError, ValueError) as error:
            self._fallback = Threshold(settings.threshold, f"parameter {name}: {error}")
            self._fallback_until = self._clock() + settings.threshold_max_age_s
            return self._fallback
