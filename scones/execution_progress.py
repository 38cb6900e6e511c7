"""How far an execution of the workflow is: the state it is in, its failed attempts there, and when it tries again."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import HistoryEventTypeDef

ALIVE: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
GONE: Final = "GONE"
"""What an execution is that Step Functions does not know (any more)."""
STANDARD: Final = ":execution:"
"""Part of the ARN of an execution that Step Functions can be asked about; EXPRESS ones are only in the logs."""
_EVENTS_A_PAGE: Final = 1000
_PAGES: Final = 3
"""A state has three events an attempt, and no Retry of the workflow has more than 200 attempts."""
_LONGEST_MESSAGE: Final = 300
_NOT_IN_ALL: Final = frozenset({"States.DataLimitExceeded", "States.Runtime"})
"""Errors that States.ALL does not match (Step Functions guide, "Error names")."""
_FAILED: Final = {
    "TaskFailed": "taskFailedEventDetails",
    "TaskTimedOut": "taskTimedOutEventDetails",
    "TaskStartFailed": "taskStartFailedEventDetails",
    "TaskSubmitFailed": "taskSubmitFailedEventDetails",
}
_ENDED: Final = {
    "ExecutionFailed": "executionFailedEventDetails",
    "ExecutionTimedOut": "executionTimedOutEventDetails",
    "ExecutionAborted": "executionAbortedEventDetails",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed, or an execution that did: the error's name, what it says, and when it happened."""

    name: str
    message: str
    at: datetime

    @property
    def is_of_endpoint(self) -> bool:
        """Whether the endpoint is what the image waits for; the names are those of Classify's errors."""
        return self.name in {"EndpointThrottledError", "EndpointUnavailableError", "EndpointNotFoundError"}


@dataclass(frozen=True, slots=True)
class Progress:
    """
    Where an execution is.

    Attributes
    ----------
    state, since
        The state that it entered last, and when; None where its history does not say.
    failures
        The failed attempts of that state, the oldest first.
    is_waiting
        Whether it waits for the next attempt: the last event is a failed one.
    ended_by
        Why the execution itself ended, where it did so badly.
    """

    state: str | None
    since: datetime | None
    failures: tuple[Failure, ...] = ()
    is_waiting: bool = False
    ended_by: Failure | None = None

    @property
    def last_error(self) -> Failure | None:
        """The newest of what went wrong."""
        return self.ended_by or (self.failures[-1] if self.failures else None)


@dataclass(frozen=True, slots=True)
class Retries:
    """The next attempt comes by a time at the latest; the last one is made around another."""

    next_by: datetime
    gives_up_at: datetime


def status_of(client: "SFNClient", execution: str) -> str | None:
    """Return an execution's status, or `GONE`; None where it cannot be asked (EXPRESS)."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if STANDARD not in execution:
        return None
    try:
        return client.describe_execution(executionArn=execution)["status"]
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist":
            raise
        return GONE


def read_progress(stepfunctions: "SFNClient", execution: str) -> Progress:
    """Read the end of a STANDARD execution's history, back to the state that it is in; EXPRESS ones have none."""
    failures: list[Failure] = []
    ended_by: Failure | None = None
    is_waiting: bool | None = None
    for event in _newest_first(stepfunctions, execution):
        kind = event["type"]
        if kind in _ENDED:
            ended_by = _failure(event, _ENDED[kind])
        elif kind.endswith("StateEntered"):
            name = event["stateEnteredEventDetails"]["name"]
            return Progress(
                name, event["timestamp"], tuple(reversed(failures)), is_waiting or False, ended_by
            )
        elif kind in _FAILED:
            failures.append(_failure(event, _FAILED[kind]))
        if is_waiting is None:
            is_waiting = kind in _FAILED
    return Progress(None, None, tuple(reversed(failures)), is_waiting or False, ended_by)


def read_retriers(stepfunctions: "SFNClient", execution: str, state: str) -> list[Mapping[str, Any]]:
    """Return the Retry of a state, in the definition that the execution runs with."""
    definition = json.loads(
        stepfunctions.describe_state_machine_for_execution(executionArn=execution)["definition"]
    )
    return list(definition["States"].get(state, {}).get("Retry", []))


def plan_retries(retriers: Sequence[Mapping[str, Any]], failures: Sequence[Failure]) -> Retries | None:
    """Say when a state tries again after the last of its failures.

    Returns
    -------
    Retries or None
        None when no attempt is left: the error goes to the state's Catch. With full jitter a pause is half as long
        on average, so the end is an estimate; the time that attempts take is left out.
    """
    last = failures[-1]
    retrier = _matching(retriers, last.name)
    if retrier is None:
        return None
    made = sum(_matching(retriers, failure.name) is retrier for failure in failures)
    most = int(retrier.get("MaxAttempts", 3))
    if made > most:
        return None
    share = 0.5 if retrier.get("JitterStrategy") == "FULL" else 1.0
    left = sum(_pause_s(retrier, number) for number in range(made, most + 1)) * share
    return Retries(
        last.at + timedelta(seconds=_pause_s(retrier, made)), last.at + timedelta(seconds=round(left))
    )


def _newest_first(stepfunctions: "SFNClient", execution: str) -> Iterator["HistoryEventTypeDef"]:
    request: dict[str, Any] = {
        "executionArn": execution,
        "reverseOrder": True,
        "maxResults": _EVENTS_A_PAGE,
        "includeExecutionData": False,  # the image itself is among the data
    }
    for _ in range(_PAGES):
        answer = stepfunctions.get_execution_history(**request)
        yield from answer["events"]
        if "nextToken" not in answer:
            return
        request["nextToken"] = answer["nextToken"]


def _failure(event: "HistoryEventTypeDef", details: str) -> Failure:
    said: Mapping[str, Any] = dict(event).get(details) or {}  # type: ignore[assignment]  # one of many keys
    return Failure(said.get("error") or event["type"], _message(said.get("cause") or ""), event["timestamp"])


def _message(cause: str) -> str:
    """Return the function's own sentence where Lambda wrapped it in JSON, else what the service said."""
    with suppress(ValueError, KeyError, TypeError):
        cause = json.loads(cause)["errorMessage"]
    return " ".join(str(cause).split())[:_LONGEST_MESSAGE]


def _matching(retriers: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    for retrier in retriers:
        names = retrier["ErrorEquals"]
        if name in names or ("States.ALL" in names and name not in _NOT_IN_ALL):
            return retrier
    return None


def _pause_s(retrier: Mapping[str, Any], number: int) -> float:
    """Return the longest pause before a retry; the first has number 1."""
    growing = float(retrier.get("IntervalSeconds", 1)) * float(retrier.get("BackoffRate", 2.0)) ** (
        number - 1
    )
    return min(growing, float(retrier.get("MaxDelaySeconds", growing)))
