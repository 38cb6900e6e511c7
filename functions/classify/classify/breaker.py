"""Whether the breaker is open: read at most every 30 s, by copies whose last call failed; unread, it stops no image."""

import json
import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from classify.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

MAX_AGE_S = 30
PROBE = "probe-"
"""How the names of executions begin that try the endpoint while the breaker is open; Breaker starts them."""


def is_probe(execution: str | None) -> bool:
    """Return whether the execution, by its ARN, is a probe."""
    return (execution or "").rpartition(":")[2].startswith(PROBE)


class Breaker:
    """
    The breaker as this copy of the function knows it.

    A failure to read it counts as closed, is logged, and is remembered as long as an answer: not every image waits for
    an SSM that does not respond.

    Attributes
    ----------
    endpoint_failed
        Whether the last call of this copy failed. Only then is the breaker read: SSM allows an account 40 reads a
        second, and an endpoint that answers is no reason for any.

    Parameters
    ----------
    open_ssm
        Makes the client when it is first needed: a start without failures does not pay for it.
    parameter
        Where the breaker's state is; empty for none.
    """

    # Not the monotonic clock: it may stop while Lambda keeps the function frozen.
    def __init__(
        self, open_ssm: "Callable[[], SSMClient]", parameter: str, clock: Callable[[], float] = time.time
    ) -> None:
        self.endpoint_failed = False
        self._ssm, self._parameter, self._clock = cache(open_ssm), parameter, clock
        self._why: str | None = None
        self._asked_at: float | None = None

    def why_open(self) -> str | None:
        """Return why the breaker is open; None where it is closed, or nothing is known. Never fails."""
        if not self._parameter or not self.endpoint_failed:
            return None
        if self._is_old():
            self._why, self._asked_at = self._ask(), self._clock()
        return self._why

    def _is_old(self) -> bool:
        # After the clock was set back, a time in the future counts as too old.
        age = None if self._asked_at is None else self._clock() - self._asked_at
        return age is None or not 0 <= age < MAX_AGE_S

    def _ask(self) -> str | None:
        try:
            return why_open(self._ssm().get_parameter(Name=self._parameter)["Parameter"]["Value"])
        except (ClientError, BotoCoreError, ValueError, RecursionError) as error:
            logger.warning("the breaker could not be read", why=f"{type(error).__name__}: {error}")
            return None


def why_open(text: str) -> str | None:
    """
    Return why the breaker is open; None for no pause, or a person's: what is under way then gets its outcome.

    Raises
    ------
    ValueError
        When the text is no pause.
    """
    value = json.loads(text)
    if not isinstance(value, dict) or not isinstance(value.get("paused"), bool):
        raise ValueError("the parameter is not a pause")  # noqa: TRY004 - one error for all that is wrong with it
    if not value["paused"] or value.get("breaker") is None:
        return None
    return str(value.get("reason") or "it does not say why")
