"""Live precision: the share of what passes that is right, by the audits of the present model, valid at every look.

Beta-binomial mixture: for x right images of n, the mixture of all rates p with equal weight has the likelihood
B(x + 1, n - x + 1). The rates whose own likelihood is at least a times that are a confidence sequence: if the precision
stayed the same, it is inside all intervals that are ever shown with a confidence of 1 - a (H. Robbins, "Statistical
methods related to the law of the iterated logarithm", Annals of Mathematical Statistics 41 (1970), 1397-1409).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from scones.audited_draws import audit_share, decided_prefix, is_wrong, read_draws
from scones.errors import SconesError
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONFIDENCE: Final = 0.95
PRECISION_DAYS: Final = 30
_STEPS: Final = 50


@dataclass(frozen=True, slots=True)
class Precision:
    """Of so many audited passes, how many were right, and the interval of the share that is right."""

    passes: int
    right: int
    low: float
    high: float

    @classmethod
    def of(cls, passes: int, right: int) -> "Precision":
        """Compute the interval, at a confidence of 95 %."""
        low, high = interval(right, passes, CONFIDENCE)
        return cls(passes, right, low, high)

    def __str__(self) -> str:
        """Return `99.2 % right of 1,204 audited passes (98.1 to 99.7 %)`."""
        if not self.passes:
            return "no audited pass is decided"
        share = math.floor(1000 * self.right / self.passes) / 10
        low, high = math.floor(1000 * self.low) / 10, math.ceil(1000 * self.high) / 10
        return f"{share:.1f} % right of {self.passes:,} audited passes ({low:.1f} to {high:.1f} %)"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones status --json` says of it."""
        return {"passes": self.passes, "right": self.right, "low": self.low, "high": self.high}


def read_precision(dynamodb: "DynamoDBClient", stack: Stack, now: datetime) -> Precision | None:
    """
    Return how right what passed was, by the draws of the last 30 days of the model that classified the newest one.

    Returns
    -------
    Precision or None
        None where nothing was drawn, audits are off, or their index is still being built.
    """
    if not audit_share(stack):
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


def interval(right: int, of: int, confidence: float) -> tuple[float, float]:
    """
    Return the rates that so many right images leave possible, at every look at once.

    Parameters
    ----------
    right, of
        Audited passes that were right, and all.

    Returns
    -------
    tuple of float
        The lowest and the highest rate; 0 and 1 without an image.
    """
    if not of:
        return 0.0, 1.0
    wrong, share = of - right, right / of
    limit = math.lgamma(right + 1) + math.lgamma(wrong + 1) - math.lgamma(of + 2) + math.log1p(-confidence)

    def is_possible(rate: float) -> bool:
        return _times_log(right, rate) + _times_log(wrong, 1 - rate) >= limit

    return _edge(is_possible, share, 0.0), _edge(is_possible, share, 1.0)


def _times_log(count: int, rate: float) -> float:
    if count == 0:
        return 0.0
    return count * math.log(rate) if rate > 0 else -math.inf


def _edge(is_possible: Callable[[float], bool], inside: float, outside: float) -> float:
    """Return where the possible rates end between the share, which is one, and 0 or 1."""
    if is_possible(outside):
        return outside
    for _ in range(_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if is_possible(middle) else (inside, middle)
    return outside
