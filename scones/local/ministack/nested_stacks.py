"""An update of a nested stack, in which MiniStack 1.5.33 loses the attributes of unchanged resources.

What refers to such a resource's attribute, as a dashboard does to its alarms' ARNs, fails the update.
"""

from __future__ import annotations

from typing import Any

from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners


def keep_attributes() -> None:
    """Let a resource that an update does not change keep its attributes."""
    update = provisioners._update_resource

    def update_and_keep(kind: str, physical_id: str, old: Any, new: Any, *rest: Any, **options: Any) -> Any:
        if len(rest) == 2 and not options and old == new:  # noqa: PLR2004  a nested stack: its name, the resource's
            stack, logical_id = rest
            resources = (cloudformation._stacks.get(stack) or {}).get("_resources", {})
            rest = (*rest, resources.get(logical_id, {}).get("Attributes"))
        return update(kind, physical_id, old, new, *rest, **options)

    provisioners._update_resource = update_and_keep
