"""A chaos scenario's wait ends when nothing runs any more, not at its deadline."""

from types import SimpleNamespace
from typing import Any

import pytest

from tests.local_cloud import scenario as scenarios
from tests.local_cloud.scenario import Scenario


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


def waited(monkeypatch: pytest.MonkeyPatch, *, busy_until: float, result_at: float) -> float:
    """Return the seconds that a scenario of one image waits at most 2,400 s for."""
    clock = Clock()
    monkeypatch.setattr(scenarios, "time", clock)
    cloud: Any = SimpleNamespace(is_busy=lambda: clock.now < busy_until, executions=lambda _state: [])
    image: Any = SimpleNamespace(key="k", etag="e")
    nothing: Any = None
    waiting = Scenario("s", "f", cloud, nothing, nothing, nothing, images=[image], started=0)
    monkeypatch.setattr(
        Scenario, "results", lambda _self: {("k", "e"): ["passed"]} if clock.now >= result_at else {}
    )
    monkeypatch.setattr(Scenario, "_pause", lambda _self, seconds: setattr(clock, "now", clock.now + seconds))
    return waiting.wait(2400)


def test_a_lost_image_is_waited_for_while_something_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited(monkeypatch, busy_until=600, result_at=500) == pytest.approx(500, abs=1)


def test_and_for_a_minute_more(monkeypatch: pytest.MonkeyPatch) -> None:
    assert waited(monkeypatch, busy_until=100, result_at=1e9) == pytest.approx(160, abs=2)
