"""AWS's time, which leases and decisions are dated by: a reviewer's machine may be off by an hour, or have slept."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_WHOLE_SECOND = 1.0
"""A Date header has whole seconds: the moment it names may have been up to this much later."""


class AwsClock:
    """A clock that follows the Date header of the answers of some clients.

    Until the first answer it is this machine's clock. It compares with the wall clock, not with one that stops while
    the machine sleeps.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._ahead_s = 0.0

    def follow(self, client: Any) -> None:  # noqa: ANN401 (any boto3 client)
        """Set the clock by each answer that a client gets."""
        client.meta.events.register("after-call", self._observe)

    def now(self) -> float:
        """Return AWS's time in epoch seconds, to about a second."""
        return self._wall() + self._ahead_s

    def now_text(self) -> str:
        """Return AWS's time as documents have it: UTC, RFC 3339, milliseconds, Z."""
        moment = datetime.fromtimestamp(self.now(), UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def _observe(self, http_response: Any, **_: object) -> None:  # noqa: ANN401 (botocore's)
        header = http_response.headers.get("date")
        try:
            date_s = parsedate_to_datetime(header).timestamp()
        except (TypeError, ValueError):  # none, or not a date: an answer without one says nothing about time
            return
        # Corrected only as far as the header requires, so that the milliseconds of two moments stay in order.
        seen = self.now()
        self._ahead_s += min(max(seen, date_s), date_s + _WHOLE_SECOND) - seen
