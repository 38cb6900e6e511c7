"""How draws of the audit are counted: which ones are a stack's, up to which they are decided, and what is wrong."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from scones import audits
from scones.audits import Draw
from scones.decisions.slips import COUNTS_AFTER
from scones.errors import SconesError
from scones.result_documents import is_verification_image
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def read_draws(
    dynamodb: "DynamoDBClient", stack: Stack, since: datetime | None, until: datetime
) -> list[Draw]:
    """Return the draws between two times with the stack's present labels, without the images of `scones verify`."""
    return [
        one
        for one in audits.drawn(dynamodb, stack.claims_table, since=since, until=until)
        if not is_verification_image(one.key) and _labels(one.labels) == stack.labels
    ]


def audit_share(stack: Stack) -> float:
    """Return the present share; 0 where audits are off, and in a stack that does not know them."""
    text = stack.parameters.get("AuditShare", "0")
    try:
        return float(text)
    except ValueError:
        message = f"stack {stack.name} has {text!r} for AuditShare, which is not a number"
        raise SconesError(message) from None


def decided_prefix(draws: Sequence[Draw], audit_days: int, now: datetime) -> Sequence[Draw]:
    """
    Return the draws up to the first that is not decided and may still be: it is younger than `audit_days` days.

    A decision that may still be taken back as a slip is none yet.
    """
    latest = now - timedelta(days=audit_days)
    undecided = (n for n, one in enumerate(draws) if not _is_settled(one, now) and moment(one.at) > latest)
    return draws[: next(undecided, len(draws))]


def _is_settled(draw: Draw, now: datetime) -> bool:
    if draw.decision is None or draw.decided_at is None:
        return False
    return now - moment(draw.decided_at) >= COUNTS_AFTER


def is_wrong(draw: Draw) -> bool:
    """Tell whether a draw that passes counts as wrong: anything but a person who agrees.

    `neither`, `cannot_tell`, an image that is gone and one that nobody decided in time are wrong: what nobody can
    confirm must not certify.
    """
    return draw.decision != draw.label


def moment(text: str) -> datetime:
    """Read a time of the table."""
    return datetime.fromisoformat(text)


def _labels(text: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in text.split(","))
