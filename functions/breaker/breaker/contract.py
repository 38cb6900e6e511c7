"""What one run of the breaker returns."""

from typing import TypedDict


class BreakerResponse(TypedDict):
    """Whether the stack is paused, the rule that was switched, and how many held images were started."""

    paused: bool
    switched: str | None
    started: int
