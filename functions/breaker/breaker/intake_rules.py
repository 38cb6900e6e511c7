"""The two rules on uploads: one starts the workflow, the other holds the event in a queue.

At least one of them takes every upload. EventBridge says of both EnableRule and DisableRule that a change takes effect
after "a short period of time" (API reference), so a rule is disabled only when the other has been enabled for a while.
Meanwhile both take an upload: its claim makes the second start harmless.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from breaker.pause_state import Pause

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

OVERLAP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class States:
    """Whether the rule that starts the workflow is enabled, and whether the one that holds events is."""

    starts: bool
    holds: bool


def next_states(pause: Pause, now: datetime, found: States) -> States:
    """
    Return the states one switch closer to what the pause asks for; `found` where nothing is to be switched.

    A disabled pair is left alone while there is no pause: a person, or `scones destroy`, has stopped the intake.
    """
    if found.starts and found.holds:
        if now - pause.at < OVERLAP:
            return found
        return States(starts=not pause.paused, holds=pause.paused)
    if pause.paused:
        # A deploy sets a rule that it touches back to what the template says.
        return States(found.starts, holds=True)
    return States(starts=True, holds=True) if found.holds else found


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """The rules by name, and EventBridge to switch them."""

    events: "EventBridgeClient"
    starts: str
    holds: str

    def switch(self, pause: Pause, now: datetime) -> str | None:
        """Switch at most one rule, and return which, `+name` or `-name`."""
        found = States(self._is_enabled(self.starts), self._is_enabled(self.holds))
        wanted = next_states(pause, now, found)
        for name, before, after in (
            (self.starts, found.starts, wanted.starts),
            (self.holds, found.holds, wanted.holds),
        ):
            if before != after:
                (self.events.enable_rule if after else self.events.disable_rule)(Name=name)
                return f"{'+' if after else '-'}{name}"
        return None

    def _is_enabled(self, name: str) -> bool:
        return self.events.describe_rule(Name=name)["State"] == "ENABLED"
