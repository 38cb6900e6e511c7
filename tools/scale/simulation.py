"""A simulation of images on their way: arrivals, quotas, concurrency, the endpoint, and retries with full jitter.

Each image is an event in a heap. What has a rate (executions started, states entered) is a token bucket in which
images queue; what has a concurrency (functions, endpoint) refuses, and the workflow's retry policy decides when the
image asks again. Classify's own client asks a second time within its call, and holds the function while it waits. What
costs no waiting on AWS (DynamoDB, S3, SNS) only takes its time.
"""

from __future__ import annotations

import heapq
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

FUNCTIONS: Final = ("Serialize", "Classify", "Filter")
CLASSIFY: Final = FUNCTIONS.index("Classify")
CLIENT_WAITS_S: Final = 1.0
"""Longest wait of Classify's client before its second and last try (botocore, standard mode: random times 2^0)."""
STATES_BEFORE, STATES_AFTER = 1, 3
"""States of a passed image around those of the three functions: claim; store, who must know, close."""


class Step(NamedTuple):
    """What happens to an image next: a function begins, its client asks the endpoint again, it ends."""

    function: int
    event: Literal["begins", "asks", "ends"]


@dataclass(slots=True)
class Bucket:
    """A token bucket in which requests queue, first come first served.

    Attributes
    ----------
    size
        Tokens when it is full, as it is at first.
    refill
        Tokens a second.
    """

    size: float
    refill: float
    full_at: float = 0.0

    def take(self, now: float, tokens: int = 1) -> float:
        """Take tokens, and return the time at which they are there."""
        self.full_at = max(self.full_at, now) + tokens / self.refill
        return max(now, self.full_at - self.size / self.refill)


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry policy with full jitter, as the definition has it."""

    interval_s: float = 1.0
    rate: float = 2.0
    longest_s: float = 300.0

    def delay(self, attempt: int, chance: random.Random) -> float:
        """Return the seconds before the attempt that follows this many failed ones."""
        return chance.uniform(0.0, min(self.longest_s, self.interval_s * self.rate ** (attempt - 1)))


@dataclass(frozen=True, slots=True)
class Account:
    """Quotas, and how long each step takes.

    Attributes
    ----------
    starts, states
        Size and refill of the buckets of StartExecution and of state transitions; None is no limit.
    concurrency
        Functions that run at once in the account; where calls queue, of each function.
    seconds
        Of each function.
    endpoint_at_once
        Requests that the endpoint takes at once; it throttles others.
    refused
        Share of the endpoint's answers that are a throttle whatever its load: injected faults.
    other_s
        Seconds of all other steps of an image together.
    queues
        Whether a call waits for a free function, as in the local cloud, and is not refused.
    """

    starts: tuple[float, float] | None
    states: tuple[float, float] | None
    concurrency: int
    seconds: tuple[float, float, float]
    endpoint_at_once: int
    refused: float = 0.0
    other_s: float = 0.1
    queues: bool = False
    retry: Retry = field(default_factory=Retry)


@dataclass(slots=True)
class Run:
    """What became of the images: seconds from arrival to end in the order of arrival, and attempts of functions."""

    took_s: list[float]
    attempts: int

    def quantile(self, share: float) -> float:
        """Return the seconds within which this share of the images ended."""
        ordered = sorted(self.took_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    @property
    def attempts_each(self) -> float:
        """Function calls an image; three without retries."""
        return self.attempts / len(self.took_s)


def simulate(arrivals: Sequence[float], account: Account, seed: int = 1) -> Run:
    """Let images arrive at these seconds, and follow each to its end."""
    return _Simulation(arrivals, account, seed).run()


class _Simulation:
    def __init__(self, arrivals: Sequence[float], account: Account, seed: int) -> None:
        self._arrivals, self._account = arrivals, account
        self._chance = random.Random(seed)  # noqa: S311
        self._starts = Bucket(*account.starts) if account.starts else None
        self._states = Bucket(*account.states) if account.states else None
        self._asked = self._attempts = 0
        self._running = [0] * len(FUNCTIONS)
        self._failed = [0] * len(arrivals)
        self._ends = [0.0] * len(arrivals)
        self._waiting: list[deque[int]] = [deque() for _ in FUNCTIONS]
        # (time, number, image, step, states entered before the step)
        self._heap: list[tuple[float, int, int, Step, int]] = []
        self._number = 0

    def run(self) -> Run:
        for image, at in enumerate(self._arrivals):
            begin = self._starts.take(at) if self._starts else at
            self._push(begin + self._account.other_s / 2, image, Step(0, "begins"), STATES_BEFORE + 1)
        while self._heap:
            now, _, image, step, states = heapq.heappop(self._heap)
            # Taken now and not earlier, so that images queue in the order in which they come.
            entered = self._states.take(now, states) if states and self._states else now
            if entered > now:
                self._push(entered, image, step)
                continue
            match step.event:
                case "begins":
                    self._begin(now, image, step.function)
                case "asks":
                    self._ask(now, image, again=True)
                case "ends":
                    self._end(now, image, step.function)
        took = [end - at for end, at in zip(self._ends, self._arrivals, strict=True)]
        return Run(took, self._attempts)

    def _push(self, at: float, image: int, step: Step, states: int = 0) -> None:
        self._number += 1
        heapq.heappush(self._heap, (at, self._number, image, step, states))

    def _begin(self, now: float, image: int, function: int) -> None:
        queues = self._account.queues
        if (self._running[function] if queues else sum(self._running)) >= self._account.concurrency:
            if queues:
                self._waiting[function].append(image)
            else:
                self._attempts += 1
                self._retry(now, image, function)
            return
        self._attempts += 1
        self._running[function] += 1
        if FUNCTIONS[function] == "Classify":
            self._ask(now, image)
        else:
            self._push(now + self._account.seconds[function], image, Step(function, "ends"))

    def _ask(self, now: float, image: int, *, again: bool = False) -> None:
        account = self._account
        throttled = self._asked >= account.endpoint_at_once or self._chance.random() < account.refused
        if not throttled:
            self._asked += 1
            self._push(now + account.seconds[CLASSIFY], image, Step(CLASSIFY, "ends"))
        elif not again:
            self._push(now + self._chance.uniform(0.0, CLIENT_WAITS_S), image, Step(CLASSIFY, "asks"))
        else:
            self._free(now, CLASSIFY)
            self._retry(now, image, CLASSIFY)

    def _retry(self, now: float, image: int, function: int) -> None:
        self._failed[image] += 1
        wait = self._account.retry.delay(self._failed[image], self._chance)
        self._push(now + wait, image, Step(function, "begins"), 1)

    def _free(self, now: float, function: int) -> None:
        self._running[function] -= 1
        if self._waiting[function]:
            self._push(now, self._waiting[function].popleft(), Step(function, "begins"))

    def _end(self, now: float, image: int, function: int) -> None:
        self._failed[image] = 0
        self._asked -= function == CLASSIFY
        self._free(now, function)
        if function + 1 < len(FUNCTIONS):
            self._push(now, image, Step(function + 1, "begins"), 1)
            return
        stored = self._states.take(now, STATES_AFTER) if self._states else now
        self._ends[image] = stored + self._account.other_s / 2


def steady(rate: float, seconds: float, seed: int = 1) -> list[float]:
    """Return the arrivals of a Poisson process: so many a second, for so long."""
    chance, at, found = random.Random(seed), 0.0, []  # noqa: S311
    while (at := at + chance.expovariate(rate)) < seconds:
        found.append(at)
    return found
