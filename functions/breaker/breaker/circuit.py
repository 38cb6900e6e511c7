"""The breaker's rule: closed while the endpoint answers, open while most calls fail, closed again after a probe.

A pure function over one-minute data. While it is open the stack is paused, with the breaker as who paused it, and one
held image at a time is started to see whether the endpoint answers again. A person's pause is left as it is, and a
person's resume closes the breaker.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from breaker.pause_state import Open, Pause

WINDOW = timedelta(minutes=5)
"""Calls of these minutes count: metrics made of log lines may be minutes late."""
LEAST_FAILURES = 20
"""A single image is called about nine times in five minutes (the workflow's retries), so it takes a few images."""
FIRST_PROBE, LONGEST_WAIT = timedelta(minutes=1), timedelta(minutes=30)
PROBE_TIME = timedelta(minutes=3)
"""A probe that has no outcome by then waits for the endpoint, or for a service that other images need as well."""


class ProbeResult(StrEnum):
    """What a probe has shown; UNTOLD where the image never reached the endpoint."""

    RUNNING = "running"
    ANSWERED = "answered"
    FAILED = "failed"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Minute:
    """How often the endpoint was called in a minute, and how many of these calls failed; throttles are no failures."""

    start: datetime
    calls: int
    failures: int


def next_pause(
    pause: Pause, now: datetime, minutes: Iterable[Minute], probe: ProbeResult | None, share: float
) -> Pause:
    """
    Return the pause that follows.

    Parameters
    ----------
    pause
        The one in effect.
    minutes
        What is known of the endpoint's calls; minutes that began before the last change are not counted.
    probe
        What the probe under way has shown; None where there is none.
    share
        Share of failed calls, 0 to 1, from which on the breaker opens; 0 never opens it, and closes it.
    """
    if pause.paused:
        if pause.opened is None:
            return pause
        return _closed(now) if share == 0 else _while_open(pause, pause.opened, now, probe)
    seen = [minute for minute in minutes if minute.start >= max(pause.at, now - WINDOW)]
    calls, failures = sum(one.calls for one in seen), sum(one.failures for one in seen)
    if share == 0 or failures < LEAST_FAILURES or failures < share * calls:
        return pause
    why = f"{failures} of {calls} calls of the endpoint failed within {WINDOW.seconds // 60} minutes"
    return Pause(paused=True, at=now, opened=Open(why, next_probe=now + FIRST_PROBE))


def probe_is_due(pause: Pause, now: datetime) -> bool:
    """Return whether a held image is to be started as a probe."""
    opened = pause.opened
    return pause.paused and opened is not None and opened.probe is None and now >= opened.next_probe


def with_probe(pause: Pause, now: datetime, execution: str) -> Pause:
    """Return the pause with a probe under way."""
    return replace(pause, opened=replace(_opened(pause), probe=execution, probed_at=now))


def _while_open(pause: Pause, opened: Open, now: datetime, probe: ProbeResult | None) -> Pause:
    if opened.probe is None:
        return pause
    if probe is ProbeResult.ANSWERED:
        return _closed(now)
    if probe is ProbeResult.UNTOLD:
        return replace(pause, opened=replace(opened, probe=None, probed_at=None, next_probe=now))
    late = opened.probed_at is None or now - opened.probed_at >= PROBE_TIME
    if probe is ProbeResult.FAILED or late:
        failed = opened.failed_probes + 1
        # 2, 4, 8 ... minutes; the exponent is bounded, because a timedelta is.
        wait = min(LONGEST_WAIT, FIRST_PROBE * 2 ** min(failed, 10))
        again = Open(opened.why, next_probe=now + wait, failed_probes=failed)
        return replace(pause, opened=again)
    return pause


def _closed(now: datetime) -> Pause:
    return Pause(paused=False, at=now)


def _opened(pause: Pause) -> Open:
    if pause.opened is None:
        raise ValueError("the breaker is not open")
    return pause.opened
