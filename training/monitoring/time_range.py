"""From when to when: what `--since` and `--until` mean, and which capture folders can hold it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_AGO = re.compile(r"(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOUR_FOLDER = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/(\d\d)/[^/]+$")
_SLACK_S, _HOUR_S = 3600, 3600  # a capture may be written into the hour after


class TimeRangeError(Exception):
    """No moment can be made of what was given."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds since 1970, UTC: since <= t < until."""

    since: float = -math.inf
    until: float = math.inf

    def holds(self, moment: float) -> bool:
        """Whether the moment lies inside."""
        return self.since <= moment < self.until

    def may_hold(self, name: str) -> bool:
        """Whether the file can have captures of the range; true for one outside the folders of hours."""
        found = _HOUR_FOLDER.search(name)
        if found is None:
            return True
        try:
            start = datetime(*map(int, found.groups()), tzinfo=UTC).timestamp()  # type: ignore[misc]
        except ValueError:
            return True
        return start + _HOUR_S + _SLACK_S > self.since and start - _SLACK_S < self.until

    def may_hold_written_at(self, moment: float) -> bool:
        """Whether a document stored at the moment can be of the range; none is stored before it is finished."""
        return moment + _SLACK_S >= self.since


def time_range(since: str | None, until: str | None, now: datetime) -> TimeRange:
    """Return the range between two texts, each None for no limit.

    Raises
    ------
    TimeRangeError
        One is neither ISO 8601 nor an age, or the range is empty.
    """
    found = TimeRange(
        parse_moment(since, now).timestamp() if since else -math.inf,
        parse_moment(until, now).timestamp() if until else math.inf,
    )
    if found.since >= found.until:
        raise TimeRangeError(f"--since {since} is not before --until {until}")
    return found


def parse_moment(text: str, now: datetime) -> datetime:
    """Return the moment: ISO 8601 (UTC where it says nothing else), or an age such as 90m, 24h, 7d, 2w."""
    try:
        age = _AGO.fullmatch(text.strip())
        if age:
            return now - timedelta(**{_UNITS[age[2]]: int(age[1])})
        moment = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as error:
        raise TimeRangeError(f"{text!r} is neither a time (2026-11-21T08:00) nor an age (24h, 7d)") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
