"""Time ranges: the meaning of `--since` and `--until`, and the capture folders that can contain a range."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from training.errors import OptionError

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HOUR_FOLDER = re.compile(r"(?:^|/)(\d{4})/(\d\d)/(\d\d)/(\d\d)/[^/]+$")
_SLACK_S, _HOUR_S = 3600, 3600  # a capture may be written into the folder of the next hour


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds since 1970, UTC: since <= t < until."""

    since: float = -math.inf
    until: float = math.inf

    def holds(self, moment: float) -> bool:
        """Whether the time is in the range."""
        return self.since <= moment < self.until

    def may_hold(self, name: str) -> bool:
        """Whether the file can contain captures of the range; true for a file outside the folders of hours."""
        found = _HOUR_FOLDER.search(name)
        if found is None:
            return True
        try:
            year, month, day, hour = map(int, found.groups())
            start = datetime(year, month, day, hour, tzinfo=UTC).timestamp()
        except ValueError:
            return True
        return start + _HOUR_S + _SLACK_S > self.since and start - _SLACK_S < self.until

    def may_hold_written_at(self, moment: float) -> bool:
        """Whether a document stored at this time can be in the range; documents are stored after their finish time."""
        return moment + _SLACK_S >= self.since


def time_range(since: str | None, until: str | None, now: datetime) -> TimeRange:
    """Parse a range from two texts, each None for no limit.

    Raises
    ------
    OptionError
        A text is neither ISO 8601 nor an age, or the range is empty.
    """
    found = TimeRange(
        parse_moment(since, now).timestamp() if since else -math.inf,
        parse_moment(until, now).timestamp() if until else math.inf,
    )
    if found.since >= found.until:
        raise OptionError(f"--since {since} is not before --until {until}")
    return found


def parse_moment(text: str, now: datetime) -> datetime:
    """Parse a time: ISO 8601, in local time unless it has an offset, or an age such as 90m, 24h, 7d, 2w.

    `scones results` parses the same texts to the same times (scones/result_query.py); a test compares the two.
    """
    try:
        age = _AGO.fullmatch(text.strip())
        if age:
            return now - timedelta(**{_UNITS[age[2]]: float(age[1])})
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"{text!r} is neither a time (2026-11-21T08:00) nor an age (24h, 7d)") from error
