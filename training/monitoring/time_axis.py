"""The ticks of a time axis: regular, few, and with the date where it changes. All times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

_MOST_TICKS = 9
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_STEPS = (
    *(_MINUTE * count for count in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * count for count in (1, 2, 3, 6, 12)),
    *(_DAY * count for count in (1, 2, 7, 14)),
)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday, so that steps of weeks begin on Mondays


def ticks(start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """Return the times of the ticks in [start, end] with their labels.

    A label is the time of day, the day or the month. A second line has the date or the year, under the first tick
    and wherever it changes; midnight and the start of a year are always ticks.
    """
    step = next((step for step in _STEPS if (end - start) / step <= _MOST_TICKS), None)
    moments = list(_months(start, end) if step is None else _multiples(start, end, step))
    labels, last = [], ""
    for moment in moments:
        if step is None:
            line, context = f"{moment:%b}", f"{moment:%Y}"
        elif step < _DAY:
            line, context = f"{moment:%H:%M}", day(moment)
        else:
            line, context = day(moment), f"{moment:%Y}"
        labels.append(line if context == last else f"{line}\n{context}")
        last = context
    return list(zip(moments, labels, strict=True))


def span(start: datetime, end: datetime) -> str:
    """Return the range in words, its zone named: "20 Nov 2026, 22:47 to 23:47 (UTC)"."""
    first, last = (f"{day(moment)} {moment:%Y}, {moment:%H:%M}" for moment in (start, end))
    return f"{first} to {f'{end:%H:%M}' if start.date() == end.date() else last} (UTC)"


def day(moment: datetime) -> str:
    """Return the day and the month: "5 Nov"."""
    return f"{moment.day} {moment:%b}"


def set_time_axis(axes: Axes, start: datetime, end: datetime) -> None:
    """Set up a time axis: the range with a margin, its ticks, and the range in words as the label."""
    margin = max((end - start) / 50, _MINUTE)  # with two minutes there is at least one tick
    low, high = start - margin, end + margin
    moments, labels = zip(*ticks(low, high), strict=True)
    axes.set_xlim(low, high)
    axes.set_xticks(moments, labels)
    axes.set_xlabel(span(start, end))


def _multiples(start: datetime, end: datetime, step: timedelta) -> Iterator[datetime]:
    moment = start - (start - _EPOCH) % step
    while moment <= end:
        if moment >= start:
            yield moment
        moment += step


def _months(start: datetime, end: datetime) -> Iterator[datetime]:
    first, last = (moment.year * 12 + moment.month - 1 for moment in (start, end))
    step = next((step for step in _MONTHS if (last - first) / step <= _MOST_TICKS), _MONTHS[-1])
    for month in range(first - first % step, last + 1, step):
        moment = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
        if moment >= start:
            yield moment
