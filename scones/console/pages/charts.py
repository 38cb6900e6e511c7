"""Charts: outcomes over time, confidences and what a threshold would do, latency, drift, and what waits."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scones.connection import Connection
from scones.console.bar_chart import BarChart, draw
from scones.console.chart_data import (
    AGE_EDGES_H,
    LATENCY_EDGES_S,
    MOST_READ_BUDGET,
    PERIODS,
    READ_BUDGET,
    EndedImages,
    Period,
    Queue,
    at_thresholds,
    before_waiting,
    binned,
    blinded,
    confidences,
    quantile,
    read_decided,
    read_ended,
    read_latencies,
    read_queue,
    shares,
    throughput,
)
from scones.console.denials import Refused, allowed
from scones.console.drift import read_drift
from scones.console.page import Page, render_as_read, state_of
from scones.label_thresholds import Thresholds
from scones.live_precision import Precision, read_precision
from scones.live_threshold import read_threshold

_BINS: Final = 50
_TIME_FORMATS: Final = {"hour": "%H:%M", "day": "%H:%M", "week": "%a %H:%M", "month": "%d %b"}


def show(request: Request) -> Response:
    """Show the page for a period: `?period=week`, and `more` for ten times the read budget."""
    return render_as_read(request, "charts.html", lambda: _content(request))


def _content(request: Request) -> Mapping[str, Any]:
    cloud = state_of(request).cloud()
    now = datetime.fromtimestamp(cloud.clock.now(), UTC)
    named = request.query_params.get("period")
    period = next((one for one in PERIODS if one.name == named), PERIODS[1])
    budget = MOST_READ_BUDGET if "more" in request.query_params else READ_BUDGET
    with ThreadPoolExecutor(4) as pool:
        precision = pool.submit(allowed, lambda: read_precision(cloud.dynamodb, cloud.stack, now))
        waiting = pool.submit(read_queue, cloud, now, budget)
        threshold = pool.submit(
            allowed, lambda: read_threshold(cloud.client(Connection.ssm), cloud.stack).counts
        )
        found = read_ended(cloud, period, now, budget)
        queue = waiting.result()
        shown = blinded(cloud, found, queue)
        decided = pool.submit(allowed, lambda: read_decided(cloud, shown))
        latencies = pool.submit(allowed, lambda: read_latencies(cloud, found))
        parts = (decided.result(), latencies.result(), threshold.result(), precision.result())
    refusals = [part.sentence for part in parts if isinstance(part, Refused)]
    judged, seconds, live, audited = (None if isinstance(part, Refused) else part for part in parts)
    thresholds = live if isinstance(live, Thresholds) else cloud.stack.thresholds
    rows = at_thresholds(shown, judged if isinstance(judged, list) else [])
    return {
        "periods": PERIODS,
        "period": period,
        "found": found,
        "units": f"{found.units:,.1f}",
        "can_read_more": budget < MOST_READ_BUDGET,
        "refusals": refusals,
        "over_time": _over_time(shown, period),
        "shares": [(str(outcome), count, share) for outcome, count, share in shares(shown)],
        "histogram": _histogram(shown, thresholds.lowest),
        "live": str(thresholds),
        "lowest": thresholds.lowest,
        "one_for_all": thresholds.for_all is not None,
        "with_confidence": rows[0].passes,
        "decided": rows[0].decided,
        "precision": str(audited) if isinstance(audited, Precision) else None,
        "latency": _latency(seconds) if isinstance(seconds, list) and seconds else None,
        "queue": _queue(queue),
        "drift": read_drift(before_waiting(shown, queue)),
        "data": {"rows": [asdict(row) for row in rows], "live": thresholds.lowest, "images": rows[0].passes},
    }


def _drawn(chart: BarChart) -> Mapping[str, Any]:
    return {"svg": draw(chart), "series": list(chart.series), "rows": chart.rows}


def _over_time(found: EndedImages, period: Period) -> Mapping[str, Any]:
    starts, counts = throughput(found, period)
    names = [start.strftime(_TIME_FORMATS[period.name]) for start in starts]
    series = {str(outcome): some for outcome, some in counts.items() if any(some)} or {
        "passed": [0] * len(names)
    }
    return _drawn(BarChart("Images by the time of their outcome", names, series))


def _histogram(found: EndedImages, threshold: float) -> Mapping[str, Any]:
    names = [f"{number / _BINS:.2f}" for number in range(_BINS + 1)]
    series = {str(outcome): some for outcome, some in confidences(found, _BINS).items()}
    return _drawn(BarChart("Images by the model's confidence", names, series, at_edges=True, mark=threshold))


def _latency(seconds: Sequence[float]) -> Mapping[str, Any]:
    names = _between(LATENCY_EDGES_S, "s")
    chart = BarChart("Images by their latency", names, {"images": binned(seconds, LATENCY_EDGES_S)})
    quantiles = [(f"{share:.0%}", f"{quantile(seconds, share):,.2f}") for share in (0.5, 0.9, 0.99)]
    return {**_drawn(chart), "quantiles": quantiles, "images": len(seconds)}


def _queue(queue: Queue) -> Mapping[str, Any]:
    names = _between(AGE_EDGES_H, "h")
    chart = BarChart("Images that wait, by their age", names, {"review": binned(queue.ages_h, AGE_EDGES_H)})
    oldest = max(queue.ages_h, default=0.0)
    return {
        **_drawn(chart),
        "waiting": len(queue.ages_h),
        "complete": queue.is_complete,
        "oldest": f"{oldest:,.1f}",
    }


def _between(edges: Sequence[float], unit: str) -> Sequence[str]:
    inner = [f"{low:g} to {high:g} {unit}" for low, high in pairwise(edges)]
    return [f"< {edges[0]:g} {unit}", *inner, f"≥ {edges[-1]:g} {unit}"]


PAGE = Page("Charts", "/charts", (Route("/charts", show),))
