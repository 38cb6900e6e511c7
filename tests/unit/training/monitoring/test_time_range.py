"""What --since and --until mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from training.errors import OptionError
from training.monitoring.time_range import parse_moment, time_range

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("24h", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("90m", NOW - timedelta(minutes=90)),
        ("2w", NOW - timedelta(days=14)),
        ("1.5h", NOW - timedelta(minutes=90)),
        ("2026-11-20", datetime(2026, 11, 19, 18, 30, tzinfo=UTC)),
        ("2026-11-20T08:30", datetime(2026, 11, 20, 3, 0, tzinfo=UTC)),
        ("2026-11-20T08:30:00Z", datetime(2026, 11, 20, 8, 30, tzinfo=UTC)),
        ("2026-11-20T08:30+02:00", datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
    ],
)
def test_times_are_local_unless_they_have_an_offset(
    text: str, moment: datetime, local_zone: Callable[[str], None]
) -> None:
    local_zone("Asia/Kolkata")  # five and a half hours before UTC
    assert parse_moment(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "24", "-3h", "1y", "99999999999w", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="neither a time"):
        parse_moment(text, NOW)


def test_the_range_holds_its_start_and_not_its_end() -> None:
    times = time_range("2h", "1h", NOW)
    assert times.holds((NOW - timedelta(hours=2)).timestamp())
    assert not times.holds((NOW - timedelta(hours=1)).timestamp())
    assert time_range(None, None, NOW).holds(0)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(OptionError, match="not before"):
        time_range("1h", "2h", NOW)


def test_folders_of_other_hours_are_not_opened() -> None:
    times = time_range("2026-11-20T10:30Z", "2026-11-20T11:30Z", NOW)
    held = [
        hour for hour in range(24) if times.may_hold(f"x/vehicles/AllTraffic/2026/11/20/{hour:02}/f.jsonl")
    ]
    assert held == [9, 10, 11, 12]
    assert not times.may_hold("vehicles/AllTraffic/2026/11/19/11/f.jsonl")
    assert times.may_hold("copied/f.jsonl")
    assert times.may_hold("x/2026/99/99/99/f.jsonl")


def test_documents_stored_before_the_range_are_not_opened() -> None:
    times = time_range("2026-11-20T10:30Z", None, NOW)
    assert not times.may_hold_written_at(datetime(2026, 11, 20, 9, tzinfo=UTC).timestamp())
    assert times.may_hold_written_at(datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp())
