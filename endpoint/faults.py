"""Injected faults of an endpoint, as they occur in SageMaker and networks, with a rate and a duration.

Only `python -m endpoint.server --faults FILE` enables them, which only the local cloud uses.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Kind(StrEnum):
    """Kinds of faults of an endpoint."""

    THROTTLE = "throttle"
    INTERNAL = "internal"
    UNAVAILABLE = "unavailable"
    NOT_READY = "not-ready"
    HANG = "hang"
    CUT = "cut"
    GARBAGE = "garbage"
    WRONG_LENGTH = "wrong-length"
    NAN = "nan"
    DELETED = "deleted"
    GONE = "gone"


MEANING = {
    Kind.THROTTLE: "ThrottlingException, HTTP 400, without a message",
    Kind.INTERNAL: "InternalFailure, HTTP 500",
    Kind.UNAVAILABLE: "ServiceUnavailable, HTTP 503",
    Kind.NOT_READY: "ModelNotReadyException, HTTP 429",
    Kind.HANG: "no response for longer than any client waits",
    Kind.CUT: "the connection is reset in the middle of the answer",
    Kind.GARBAGE: "HTTP 200 with a page of HTML",
    Kind.WRONG_LENGTH: "HTTP 200 with a single probability",
    Kind.NAN: "HTTP 200 with probabilities that are not numbers",
    Kind.DELETED: "the endpoint does not exist: ValidationError, HTTP 400",
    Kind.GONE: "every connection is refused; takes no rate",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: the share of requests it affects, and the clock time at which it ends (None: never)."""

    kind: Kind
    rate: float
    until: float | None


class Faults:
    """The active faults; selects one per request at random, reproducibly for a seed."""

    def __init__(self, seed: int = 0, clock: Callable[[], float] = time.monotonic) -> None:
        self._random, self._clock, self._lock = random.Random(seed), clock, threading.Lock()  # noqa: S311
        self._faults: dict[Kind, Fault] = {}
        self._injected: Counter[Kind] = Counter()

    def set(self, kind: str, rate: float = 1.0, seconds: float | None = None) -> None:
        """Add a fault, replacing one of the same kind.

        Raises
        ------
        ValueError
            For an invalid kind, rate or duration; the message says which.
        """
        if kind not in list(Kind):
            raise ValueError(f"no fault is called {kind!r}; there are {', '.join(Kind)}")
        if not 0 <= rate <= 1:
            raise ValueError(f"a rate is from 0 to 1, not {rate:g}")
        if seconds is not None and not seconds > 0:
            raise ValueError(f"a fault lasts more than 0 seconds, not {seconds:g}")
        if kind == Kind.GONE and rate != 1:
            raise ValueError("this fault affects every request: leave the rate out")
        until = None if seconds is None else self._clock() + seconds
        with self._lock:
            self._faults[Kind(kind)] = Fault(Kind(kind), rate, until)

    def clear(self) -> None:
        """End all faults and reset their counts."""
        with self._lock:
            self._faults.clear()
            self._injected.clear()

    def is_gone(self) -> bool:
        """Whether the listener should be closed."""
        return any(fault.kind is Kind.GONE for fault in self._active())

    def draw(self) -> Kind | None:
        """Select a request's fault. Faults are drawn in sequence, so two with rate 0.5 leave a quarter unaffected."""
        with self._lock:
            for fault in self._active():
                if self._random.random() < fault.rate:
                    self._injected[fault.kind] += 1
                    return fault.kind
        return None

    def status(self) -> dict[str, Any]:
        """Return the available kinds, the active faults, and how many requests each kind has affected."""
        with self._lock:
            now = self._clock()
            active = [
                {"kind": fault.kind, "rate": fault.rate, "seconds_left": fault.until and fault.until - now}
                for fault in self._active()
            ]
            return {"kinds": MEANING, "active": active, "injected": dict(self._injected)}

    def _active(self) -> list[Fault]:
        now = self._clock()
        return [fault for fault in list(self._faults.values()) if fault.until is None or now < fault.until]
