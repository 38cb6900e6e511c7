"""Stops what would write into buckets that are being emptied: the rules that start work, and the work under way."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from scones.errors import error_code

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_stepfunctions import SFNClient

RULE: Final = "AWS::Events::Rule"
STATE_MACHINE: Final = "AWS::StepFunctions::StateMachine"
_THREADS = 8
_LISTINGS = 30
_PAUSE_S = 1.0
_NOT_LISTED: Final = frozenset({"StateMachineDoesNotExist", "StateMachineTypeNotSupported"})
"""A workflow that is gone, and an EXPRESS one: its executions can be neither listed nor stopped, and end in minutes."""

_ENDED: Final = frozenset({"ExecutionDoesNotExist", "ValidationException"})
"""What stopping an execution answers that is not running any more."""


def disable_rules(events: "EventBridgeClient", names: Iterable[str]) -> int:
    """Disable rules, and return how many are there: uploads, schedules and dead executions start nothing any more."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    disabled = 0
    for name in names:
        try:
            events.disable_rule(Name=name)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise
        else:
            disabled += 1
    return disabled


def running_executions(stepfunctions: "SFNClient", machine_arn: str) -> list[str]:
    """Return the ARNs of the executions of a workflow that run."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    pages = stepfunctions.get_paginator("list_executions")
    try:
        return [
            execution["executionArn"]
            for page in pages.paginate(stateMachineArn=machine_arn, statusFilter="RUNNING")
            for execution in page["executions"]
        ]
    except ClientError as error:
        if error_code(error) not in _NOT_LISTED:
            raise
        return []


def stop_executions(
    stepfunctions: "SFNClient",
    machine_arn: str,
    sleep: Callable[[float], None],
    on_stopped: Callable[[], None],
) -> int:
    """Stop the executions of a workflow, those that events on their way still start included.

    Returns
    -------
    int
        How many were stopped. Step Functions lists one as running for some seconds after it was stopped.
    """
    seen: set[str] = set()
    stopped = 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for _ in range(_LISTINGS):
            fresh = set(running_executions(stepfunctions, machine_arn)) - seen
            if not fresh:
                break
            seen |= fresh
            for was_running in pool.map(lambda arn: _stop(stepfunctions, arn), fresh):
                stopped += was_running
                on_stopped()
            sleep(_PAUSE_S)
    return stopped


def _stop(stepfunctions: "SFNClient", arn: str) -> bool:
    """Stop an execution; False when it ended on its own since it was listed."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        stepfunctions.stop_execution(executionArn=arn, error="Destroyed", cause="scones destroy")
    except ClientError as error:
        if error_code(error) not in _ENDED:
            raise
        return False
    return True
