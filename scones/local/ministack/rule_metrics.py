"""The metric of a rule that matches, which MiniStack 1.5.33 does not make.

EventBridge user guide, "Monitoring Amazon EventBridge": TriggeredRules, by RuleName.
"""

from __future__ import annotations

from typing import Any, Final

from ministack.services import cloudwatch, eventbridge

_RULE: Final = "rule "


def count_matches() -> None:
    """Count the events that match a rule, whether it has targets or not."""
    matches = eventbridge._matches_pattern_view

    def match_and_count(pattern: str, view: Any, owner: str = "rule") -> bool:
        found = bool(matches(pattern, view, owner))
        if found and owner.startswith(_RULE):
            rule = eventbridge._rules.get(owner.removeprefix(_RULE)) or {}
            if name := rule.get("Name"):
                cloudwatch.record_metric("AWS/Events", "TriggeredRules", 1, "Count", {"RuleName": name})
        return found

    eventbridge._matches_pattern_view = match_and_count
