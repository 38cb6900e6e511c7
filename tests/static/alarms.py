"""The alarms of the templates."""

from typing import Any

from tools.transformed import MONITORING_TEMPLATE, TEMPLATE, template


def alarms() -> dict[str, dict[str, Any]]:
    """Return the properties of every alarm by its name, those of the nested stack included."""
    return {
        name: resource["Properties"]
        for path in (MONITORING_TEMPLATE, TEMPLATE)
        for name, resource in template(path)["Resources"].items()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
