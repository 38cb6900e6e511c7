"""Requests that AWS throttles are sent again, more and more slowly; other errors are the caller's."""

import random
import time
from collections.abc import Callable
from typing import Final

from scones.errors import error_code

TRIES: Final = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 20.0
_BUSY: Final = frozenset(
    {
        "InternalDependencyException",
        "InternalFailure",
        "ModelNotReadyException",
        "ProvisionedThroughputExceededException",
        "ServiceException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Codes of Lambda's Invoke and SageMaker's InvokeEndpoint after which the same request may succeed."""


class ThrottledError(Exception):
    """A service is busy, in its own words: the same request may succeed."""


def patiently[R](call: Callable[[], R], sleep: Callable[[float], None] = time.sleep) -> R:
    """Call, and again for about a minute while the service is busy; then raise its error."""
    for attempt in range(1, TRIES):
        try:
            return call()
        except Exception as error:
            if not _is_busy(error):
                raise
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2**attempt)
        sleep(random.uniform(longest / 2, longest))  # noqa: S311 (jitter)
    return call()


def _is_busy(error: Exception) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    return isinstance(error, ThrottledError) or (
        isinstance(error, ClientError) and error_code(error) in _BUSY
    )
