"""The textbook's third function: an image that is not sure is an error."""

from typing import Any

THRESHOLD = 0.8


class ThresholdNotMetError(Exception):
    """No probability reaches the threshold."""


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Return the event as it came."""
    if max(event["inferences"]) < THRESHOLD:
        raise ThresholdNotMetError
    return event
