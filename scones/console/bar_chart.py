"""Bar charts as SVG without style or script in them, which the console's policy refuses; `charts.css` has the looks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

_WIDTH, _HEIGHT = 720.0, 210.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 52.0, 18.0, 12.0, 26.0
_GRID_LINES = 4
_NAMES = 8


@dataclass(frozen=True, slots=True)
class BarChart:
    """
    Counts as bars, stacked where there are several series.

    Attributes
    ----------
    title
        What it shows, for a screen reader.
    names
        What stands below the bars; where there are many, below some of them.
    series
        Counts by the class that colours them.
    at_edges
        Whether names are those of the bars' left edges, as in a histogram, not of the bars.
    mark
        Place of a line from 0 to 1 of the width, which a script may move.
    """

    title: str
    names: Sequence[str]
    series: Mapping[str, Sequence[int]]
    at_edges: bool = False
    mark: float | None = None

    @property
    def rows(self) -> Sequence[tuple[str, Sequence[int]]]:
        """The counts of each bar, for a table."""
        columns = zip(*self.series.values(), strict=True)
        return [(name, counts) for name, counts in zip(self.names, columns, strict=False) if any(counts)]


def draw(chart: BarChart) -> Markup:
    """Return the picture."""
    bars = len(next(iter(chart.series.values())))
    totals = [sum(counts) for counts in zip(*chart.series.values(), strict=True)]
    top = nice_top(max(totals, default=0))
    parts = [
        f'<svg class="chart" viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" role="img" aria-label="{escape(chart.title)}">',
        *_grid(top),
        *_bars(chart, bars, top),
        *_names(chart, bars),
        *([] if chart.mark is None else [_mark(chart.mark)]),
        "</svg>",
    ]
    # All text in it is escaped.
    return Markup("".join(parts))  # noqa: S704 # nosec B704


def nice_top(most: int) -> int:
    """Return a number of at least so many that can be divided by the lines of the grid: 4, 8, 20, 40, 80, 100 ..."""
    if most <= _GRID_LINES:
        return _GRID_LINES
    unit: int = 10 ** math.floor(math.log10(most / _GRID_LINES))
    factor = next(
        one for one in (1, 2, 2.5, 5, 10) if one * unit * _GRID_LINES >= most and one * unit % 1 == 0
    )
    return round(factor * unit * _GRID_LINES)


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def _grid(top: int) -> Sequence[str]:
    found = []
    for number in range(_GRID_LINES + 1):
        y = _y(number / _GRID_LINES)
        found.append(f'<line class="grid" x1="{_LEFT:g}" x2="{_WIDTH - _RIGHT:g}" y1="{y:g}" y2="{y:g}"/>')
        value = top * number // _GRID_LINES
        found.append(f'<text class="value" x="{_LEFT - 6:g}" y="{y + 4:g}">{value:,}</text>')
    return found


def _bars(chart: BarChart, bars: int, top: int) -> Sequence[str]:
    width = (_x(1) - _x(0)) / bars
    gap = min(2.0, width / 5)
    found = []
    for number in range(bars):
        below = 0
        name = chart.names[number] if number < len(chart.names) else ""
        for kind, counts in chart.series.items():
            if count := counts[number]:
                y, bottom = _y((below + count) / top), _y(below / top)
                found.append(
                    f'<rect class="bar is-{escape(kind)}" x="{_x(0) + number * width + gap / 2:.2f}" y="{y:.2f}" '
                    f'width="{width - gap:.2f}" height="{bottom - y:.2f}">'
                    f"<title>{escape(name)}: {count:,} {escape(kind)}</title></rect>"
                )
                below += count
    return found


def _names(chart: BarChart, bars: int) -> Sequence[str]:
    every = math.ceil(len(chart.names) / _NAMES)
    while chart.at_edges and bars % every:  # the last edge has a name
        every += 1
    shift = 0.0 if chart.at_edges else 0.5
    return [
        f'<text class="under" x="{_x((number + shift) / bars):.2f}" y="{_HEIGHT - 8:g}">{escape(name)}</text>'
        for number, name in enumerate(chart.names)
        if number % every == 0
    ]


def _mark(place: float) -> str:
    x = _x(place)
    return (
        f'<line class="mark" data-left="{_x(0):g}" data-right="{_x(1):g}" '
        f'x1="{x:g}" x2="{x:g}" y1="{_y(1):g}" y2="{_y(0):g}"/>'
    )
