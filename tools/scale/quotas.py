"""Quotas of an account in us-east-1, and how much of each a rate of images uses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from scones.cost.bill import CALLS, STATES

LAMBDA_S: Final = 0.2
"""An assumption of docs/capacity.md: seconds of Lambda for each image."""
ASKING_S: Final = 0.05
"""An assumption of docs/capacity.md: how long a serverless endpoint is asked for each image."""
SHARDS: Final = 16
"""Partitions of an outcome or a state in the claims table's indexes."""
TABLE_WRITES, STATE_WRITES = 5, 2
"""Write units of a passed image, and those of them in `by_state`."""


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit, what images use of it, and what moves it.

    Attributes
    ----------
    used
        Units that a rate in images a second uses.
    express
        Whether it limits EXPRESS, STANDARD, or both (None).
    """

    name: str
    limit: float
    used: Callable[[float], float]
    moved_by: str
    express: bool | None = None

    def share(self, rate: float) -> float:
        """Return the share of the limit that this many images a second use; 1 is all of it."""
        return self.used(rate) / self.limit


# Default values from AWS's pages of quotas, read in November 2026: Step Functions service quotas (state throttling, API
# action throttling), Lambda quotas, EventBridge quotas, DynamoDB quotas (table-level writes; 1,000 write units a
# second for a partition), S3 request rates for a prefix, SageMaker serverless endpoints.
QUOTAS: Final = (
    Quota(
        "executions started a second, STANDARD",
        300,
        lambda rate: rate,
        "`WorkflowType=EXPRESS`, or a quota request (StartExecution)",
        express=False,
    ),
    Quota(
        "executions started a second, EXPRESS",
        6_000,
        lambda rate: rate,
        "a quota request; several accounts",
        express=True,
    ),
    Quota(
        "states entered a second, STANDARD",
        5_000,
        lambda rate: STATES["passed"] * rate,
        "`WorkflowType=EXPRESS`, or a quota request (StateTransition)",
        express=False,
    ),
    Quota(
        "functions at once", 1_000, lambda rate: LAMBDA_S * rate, "a quota request (concurrent executions)"
    ),
    Quota(
        "function calls a second",
        10_000,
        lambda rate: CALLS["passed"] * rate,
        "the same request: ten a second for each concurrent execution",
    ),
    Quota(
        "requests at once of a serverless endpoint",
        200,
        lambda rate: ASKING_S * rate,
        "an endpoint on instances: `training.deploy --instance-type ... --min --max`",
    ),
    Quota("deliveries of EventBridge a second", 18_750, lambda rate: rate, "a quota request (invocations)"),
    Quota(
        "write units of the table a second",
        40_000,
        lambda rate: TABLE_WRITES * rate,
        "a quota request (table-level writes)",
    ),
    Quota(
        "write units of a partition of `by_state` a second",
        1_000,
        lambda rate: STATE_WRITES * rate / SHARDS,
        "several stacks: the number of partitions is part of the key",
    ),
    Quota(
        "PUTs a second below one prefix of results",
        3_500,
        lambda rate: rate,
        "nothing: S3 splits a busy prefix by itself, and answers 503 meanwhile, which is retried",
    ),
    Quota("GETs a second below one prefix of images", 5_500, lambda rate: rate, "folders below `incoming/`"),
)


def met_first(rate: float, *, express: bool) -> list[Quota]:
    """Return the quotas of which this rate uses most, those that it exceeds and at least one, the fullest first."""
    those = [quota for quota in QUOTAS if quota.express in {None, express}]
    ordered = sorted(those, key=lambda quota: -quota.share(rate))
    exceeded = [quota for quota in ordered if quota.share(rate) > 1]
    return exceeded or ordered[:1]
