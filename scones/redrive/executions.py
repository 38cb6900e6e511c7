"""Executions of a redrive: whether an image's last one is alive, a new one, and how one is doing."""

import json
import time
from typing import TYPE_CHECKING, Final

from scones.claims import Claim
from scones.errors import error_code
from scones.redrive.images import Redriven, State
from scones.result_documents import Outcome

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

ALIVE: Final = frozenset({"RUNNING", "PENDING_REDRIVE"})
GONE: Final = "GONE"
"""What an execution is that Step Functions does not know (any more)."""


def begin(client: "SFNClient", workflow_arn: str, entry: Redriven, claim: Claim, *, dry_run: bool) -> None:
    """Decide on an image that was found, and start its execution where one is needed.

    An image that has an outcome other than failed is left, and one that another execution has is only watched.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    entry.before = claim
    if claim.outcome not in {None, Outcome.FAILED}:
        entry.state, entry.outcome, entry.result_key = State.ALREADY, claim.outcome, claim.result_key
        return
    try:
        if is_alive(client, claim):
            entry.execution, entry.state = claim.execution, State.WAITING
            entry.reason = "its execution is still running"
        elif not dry_run:
            event = json.dumps(entry.image.event(), ensure_ascii=False)
            started = client.start_execution(stateMachineArn=workflow_arn, input=event)
            entry.execution, entry.state = started["executionArn"], State.WAITING
    except ClientError as error:
        if error_code(error) in {"AccessDeniedException", "StateMachineDoesNotExist"}:
            raise  # it would be the same for the others
        entry.state, entry.reason = State.NOT_STARTED, f"not started: {error}"


def is_alive(client: "SFNClient", claim: Claim) -> bool:
    """Tell whether an execution is working on an image that has no outcome."""
    if claim.execution is None or claim.finished_at is not None:
        return False
    status = status_of(client, claim.execution)
    return time.time() < claim.claim_ends if status is None else status in ALIVE


def status_of(client: "SFNClient", execution: str) -> str | None:
    """Return an execution's status, or `GONE`; None where it cannot be asked (EXPRESS)."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    if ":execution:" not in execution:
        return None
    try:
        return client.describe_execution(executionArn=execution)["status"]
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist":
            raise
        return GONE
