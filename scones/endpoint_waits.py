"""Images that have no outcome because the endpoint does not answer: Step Functions tries them again for hours."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from scones.errors import error_code
from scones.execution_progress import STANDARD, Failure, read_progress

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

LOOKED_AT: Final = 10
"""Executions whose histories are read: Step Functions bounds these requests for the whole account."""


@dataclass(frozen=True, slots=True)
class EndpointWait:
    """
    What the executions that were looked at wait for.

    Attributes
    ----------
    executions
        Those that wait for the endpoint.
    looked_at
        All that were looked at.
    error
        What the last attempt of the first one met.
    """

    executions: tuple[str, ...]
    looked_at: int
    error: Failure

    @property
    def text(self) -> str:
        """Why they wait: `waiting for the endpoint, retried: endpoint x is temporarily unavailable (...)`."""
        return f"waiting for the endpoint, retried: {self.error.message or self.error.name}"


def find_endpoint_wait(stepfunctions: "SFNClient", executions: Sequence[str]) -> EndpointWait | None:
    """Look at the first executions; None where none waits for the endpoint. EXPRESS ones cannot be looked at."""
    chosen = [execution for execution in executions if STANDARD in execution][:LOOKED_AT]
    if not chosen:
        return None
    with ThreadPoolExecutor(len(chosen)) as pool:
        errors = pool.map(lambda execution: _waits_for_endpoint(stepfunctions, execution), chosen)
        waiting = {execution: error for execution, error in zip(chosen, errors, strict=True) if error}
    if not waiting:
        return None
    return EndpointWait(tuple(waiting), len(chosen), next(iter(waiting.values())))


def _waits_for_endpoint(stepfunctions: "SFNClient", execution: str) -> Failure | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        progress = read_progress(stepfunctions, execution)
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist":
            raise
        return None
    last = progress.failures[-1] if progress.failures and not progress.ended_by else None
    return last if last and last.is_of_endpoint else None
