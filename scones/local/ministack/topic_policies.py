"""What a topic's policy allows a rule: EventBridge supports no conditions there, and MiniStack 1.5.33 evaluates them.

"Using resource-based policies for Amazon EventBridge", Amazon SNS permissions, in the EventBridge User Guide. A
statement with a condition does not apply, the message is dropped, and only the rule's metric FailedInvocations shows
it. Alarms and everything else that publishes are held to the conditions as usual.
"""

from __future__ import annotations

import json
from typing import Any


def as_eventbridge_sees_it(policy: str | dict[str, Any] | None) -> dict[str, Any] | None:
    """Return a topic's policy less its statements with a condition."""
    if not policy:
        return None
    document = json.loads(policy) if isinstance(policy, str) else policy
    statements = document.get("Statement", [])
    listed = statements if isinstance(statements, list) else [statements]
    return document | {"Statement": [one for one in listed if not one.get("Condition")]}
