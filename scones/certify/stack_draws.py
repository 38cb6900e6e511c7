"""The draws of a stack, as certificates and the live precision count them."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from scones import audits
from scones.audits import Draw
from scones.certify.audited_sample import Sample, decided_prefix, is_wrong
from scones.certify.live_precision import Precision
from scones.errors import SconesError
from scones.result_documents import VERIFICATION_FOLDER
from scones.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mypy_boto3_dynamodb import DynamoDBClient

    from scones.certify.certified_model import CertifiedModel

PRECISION_DAYS: Final = 30


def read_draws(
    dynamodb: "DynamoDBClient", stack: Stack, since: datetime | None, until: datetime
) -> list[Draw]:
    """Return the draws between two times with the stack's present labels, without the images of `scones verify`."""
    tests = f"{stack.incoming_prefix}{VERIFICATION_FOLDER}/"
    return [
        one
        for one in audits.drawn(dynamodb, stack.claims_table, since=since, until=until)
        if not one.key.startswith(tests) and _labels(one.labels) == stack.labels
    ]


def sample_of(stack: Stack, model: "CertifiedModel", draws: "Sequence[Draw]", now: datetime) -> Sample:
    """Arrange the draws of a model."""
    return Sample.of([one for one in draws if model.has(one)], _share(stack), stack.number("AuditDays"), now)


def read_precision(dynamodb: "DynamoDBClient", stack: Stack, now: datetime) -> Precision | None:
    """
    Return how right what passed was, by the draws of the last 30 days of the model that classified the newest one.

    Returns
    -------
    Precision or None
        None where nothing was drawn, audits are off, or their index is still being built.
    """
    if not _share(stack):
        return None
    try:
        draws = read_draws(dynamodb, stack, now - timedelta(days=PRECISION_DAYS), now)
    except SconesError:
        return None
    if not draws:
        return None
    version = draws[-1].model_version
    present = [one for one in draws if one.model_version == version]
    passed = [one for one in decided_prefix(present, stack.number("AuditDays"), now) if one.passed]
    return Precision.of(len(passed), len(passed) - sum(map(is_wrong, passed)))


def _share(stack: Stack) -> float:
    """Return the present share; 0 where audits are off, and in a stack that does not know them."""
    text = stack.parameters.get("AuditShare", "0")
    try:
        return float(text)
    except ValueError:
        message = f"stack {stack.name} has {text!r} for AuditShare, which is not a number"
        raise SconesError(message) from None


def _labels(text: str) -> tuple[str, ...]:
    return tuple(label.strip() for label in text.split(","))
