"""What can stand in the way of a decision; each message says what happened and what to do next."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from scones.errors import SconesError, is_denied

if TYPE_CHECKING:
    from scones.decisions.decision import Decision

_ACTIONS: Final = {
    "GetItem": "dynamodb:GetItem",
    "UpdateItem": "dynamodb:UpdateItem",
    "Query": "dynamodb:Query",
    "GetObject": "s3:GetObject and s3:GetObjectVersion",
    "HeadObject": "s3:GetObject and s3:ListBucket",
    "StartExecution": "states:StartExecution",
}


class ReviewError(SconesError):
    """A decision, or what a reviewer needs for one, failed for a reason with a name."""


class ImageGoneError(ReviewError):
    """The image was deleted, has expired or was replaced: it leaves the queue as "gone", never with a label."""


class DecidedByOtherError(ReviewError):
    """Another reviewer decided first."""


class LeaseLostError(ReviewError):
    """The lease ended, and another reviewer has the image now."""


class NotWaitingError(ReviewError):
    """The image is not in the state that the decision is for."""


class NotRecordedYetError(ReviewError):
    """A decision cannot be replaced before "Record decision" is through with it."""


class TooManyDecisionsError(ReviewError):
    """The claim has as many decisions as it keeps."""


class NotAllowedError(ReviewError):
    """AWS refused a request for want of a permission.

    Attributes
    ----------
    action
        The IAM action, as a policy names it.
    """

    def __init__(self, operation: str) -> None:
        self.action = _ACTIONS.get(operation, operation)
        super().__init__(
            f"these credentials may not {operation}: reviewing needs {self.action}, "
            "which the stack's ReviewerPolicy allows"
        )


class DecisionNotWrittenError(ReviewError):
    """A decision was not written; `Reviewer.write` may be asked to write it again.

    Attributes
    ----------
    decision
        The decision: written again it keeps its id, so that it cannot count twice.
    """

    def __init__(self, message: str, decision: "Decision") -> None:
        super().__init__(message)
        self.decision = decision


class DecisionUnknownError(DecisionNotWrittenError):
    """AWS's answer was lost, and the claim could not be read: the decision may or may not be written."""


@contextmanager
def named_permissions() -> Iterator[None]:
    """Name the action where AWS refuses a request; other errors pass."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    try:
        yield
    except ClientError as error:
        if not is_denied(error):
            raise
        raise NotAllowedError(error.operation_name) from error
