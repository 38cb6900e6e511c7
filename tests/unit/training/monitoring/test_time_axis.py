"""The times on monitoring's plots can be read, whatever stretch of time they show."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from training.monitoring.observations import Observation, Observations
from training.monitoring.time_axis import span, ticks
from training.monitoring.windows import windows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SPANS = {
    "20 minutes": timedelta(minutes=20),
    "1 hour": timedelta(hours=1),
    "1 day": timedelta(days=1),
    "1 week": timedelta(days=7),
    "1 month": timedelta(days=31),
    "1 year": timedelta(days=365),
    "10 years": timedelta(days=3653),
}
STARTS = (
    datetime(2026, 11, 20, 22, 47, 13, tzinfo=UTC),
    datetime(2026, 12, 31, 23, 58, tzinfo=UTC),
    datetime(2027, 2, 28, tzinfo=UTC),
)
ALL = pytest.mark.parametrize(
    ("start", "length"),
    list(itertools.product(STARTS, SPANS.values())),
    ids=[f"{length} from {start:%d %b %H:%M}" for start, length in itertools.product(STARTS, SPANS)],
)


@ALL
def test_there_are_a_few_ticks_at_equal_steps(start: datetime, length: timedelta) -> None:
    moments = [moment for moment, _ in ticks(start, start + length)]
    assert 3 <= len(moments) <= 10
    assert start <= moments[0] < moments[-1] <= start + length
    gaps = [(later - earlier) / timedelta(hours=1) for earlier, later in itertools.pairwise(moments)]
    assert max(gaps) < 1.1 * min(gaps)  # months differ


@ALL
def test_the_date_is_said_first_and_wherever_it_changes(start: datetime, length: timedelta) -> None:
    said = ticks(start, start + length)
    of_days = ":" in said[0][1]
    form = "{0.day} {0:%b}" if of_days else "{0:%Y}"
    before = ""
    for moment, label in said:
        context = form.format(moment)
        assert label.split("\n")[1:] == ([context] if context != before else [])
        before = context


def test_midnight_is_a_tick_where_hours_are_shown() -> None:
    for start, length in itertools.product(
        STARTS, (timedelta(hours=1), timedelta(hours=5), timedelta(days=2))
    ):
        end = start + length
        midnight = datetime(start.year, start.month, start.day, tzinfo=UTC) + timedelta(days=1)
        if midnight <= end:
            assert midnight in [moment for moment, _ in ticks(start, end)]


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=20), "20 Nov 2026, 22:47 to 23:07 (UTC)"),
        (timedelta(days=1), "20 Nov 2026, 22:47 to 21 Nov 2026, 22:47 (UTC)"),
    ],
)
def test_the_range_is_said_with_its_zone(length: timedelta, words: str) -> None:
    assert span(STARTS[0], STARTS[0] + length) == words


def observed(start: datetime, length: timedelta, count: int = 300) -> Observations:
    rng = np.random.default_rng(count)
    found = Observations()
    for moment in start.timestamp() + length.total_seconds() * np.linspace(0, 1, count):
        confidence = float(np.clip(rng.normal(0.9, 0.08), 0.5, 1))
        outcome = "passed" if confidence >= 0.8 else "review"
        found.add(Observation(float(moment), outcome, str(rng.choice(["bicycle", "motorcycle"])), confidence))
    return found


def drawn(observations: Observations) -> dict[str, Axes]:
    pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: plots are of training's environment"
    )
    from training.monitoring import plots

    found = windows(observations)
    return {
        "confidence": plots.confidence_over_time(observations, found, 0.8),
        "review": plots.review_over_time(found, None),
        "labels": plots.labels_over_time(found),
    }


def extents(axes: Axes, texts: list[Any]) -> list[Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    return [text.get_window_extent(canvas.get_renderer()) for text in texts if text.get_text()]


@ALL
def test_no_label_of_a_drawn_axis_overlaps_another_or_the_edge(start: datetime, length: timedelta) -> None:
    for axes in drawn(observed(start, length)).values():
        boxes = extents(axes, axes.get_xticklabels())
        assert len(boxes) >= 3
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
        edge = axes.figure.bbox
        assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 for box in boxes)
        assert axes.get_xlabel().endswith("(UTC)")


def test_a_single_moment_is_drawn_too() -> None:
    for axes in drawn(observed(STARTS[0], timedelta(0), 1)).values():
        assert next(text.get_text() for text in axes.get_xticklabels()) == "22:46\n20 Nov"


def test_numbers_are_labelled() -> None:
    axes = drawn(observed(STARTS[0], timedelta(minutes=9)))
    assert [text.get_text()[-1] for text in axes["review"].texts] == ["%"] * 10
    assert len(axes["confidence"].texts) == 10
    assert "%" in axes["review"].get_ylabel()
    assert "300" in axes["review"].get_title(loc="left")
    many = drawn(observed(STARTS[0], timedelta(hours=1)))["review"]
    assert 2 <= len(many.texts) <= 3  # the highest, the lowest, the last
    legend = [text.get_text() for text in axes["labels"].get_legend().get_texts()]
    assert all("%" in line and line.partition(":")[0] in ("bicycle", "motorcycle") for line in legend)


def test_bars_have_their_values() -> None:
    pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: plots are of training's environment"
    )
    from training.monitoring import plots

    axes = plots.confidence_histogram(observed(STARTS[0], timedelta(hours=1)), None, 0.8)
    values = [text.get_text() for text in axes.texts]
    assert 95 <= sum(int(value) for value in values if value != "<1") <= 105
    boxes = extents(axes, axes.texts)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
