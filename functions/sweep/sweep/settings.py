"""What the environment says about Sweep, read once and checked as a whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

LONGEST_MINUTES = 10_080  # a week
LONGEST_DAYS = 3_650
MOST_ATTEMPTS = 100
MOST_STARTS = 10_000


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Where images come in and what is known of them, and how a sweep is bounded.

    Attributes
    ----------
    sweep_minutes
        Images younger than this are left alone: their event may still be on its way.
    sweep_days
        Images older than this are left alone.
    sweep_attempts
        Times that an image is started by sweeps before it is given up and reported.
    max_starts_per_run
        Executions that one run starts at most, so that no sweep makes the flood it cures.
    claim_days
        Days after which a finished claim may be deleted; 0 keeps it. Checked here because CloudFormation's rules cannot
        compare numbers: a claim that went before the sweep stopped looking, or before its result, would be missed.
    """

    image_bucket: str
    incoming_prefix: str
    claims_table: str
    workflow_arn: str
    alert_topic_arn: str
    failed_queue_url: str
    sweep_minutes: int
    sweep_days: int
    sweep_attempts: int
    max_starts_per_run: int
    claim_days: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the twelve variables: the template sets all, and a guess would hide one it forgot.

        Raises
        ------
        ValueError
            Naming every variable that is missing, not a whole number within its range, or at odds with another.
        """
        problems: list[str] = []

        def text(name: str) -> str:
            value = environment.get(name, "").strip()
            if not value:
                problems.append(f"{name} is missing")
            return value

        def whole(name: str, highest: int, lowest: int = 1) -> int:
            value = environment.get(name)
            # No signs, no underscores, not a million digits.
            if (
                value is not None
                and re.fullmatch("[0-9]{1,9}", value.strip())
                and lowest <= int(value) <= highest
            ):
                return int(value)
            found = "missing" if value is None else repr(value[:40])
            problems.append(f"{name} must be a whole number from {lowest} to {highest}, not {found}")
            return highest

        settings = cls(
            image_bucket=text("IMAGE_BUCKET"),
            incoming_prefix=text("INCOMING_PREFIX"),
            claims_table=text("CLAIMS_TABLE"),
            workflow_arn=text("WORKFLOW_ARN"),
            alert_topic_arn=text("ALERT_TOPIC_ARN"),
            failed_queue_url=text("FAILED_QUEUE_URL"),
            sweep_minutes=whole("SWEEP_MINUTES", LONGEST_MINUTES),
            sweep_days=whole("SWEEP_DAYS", LONGEST_DAYS),
            sweep_attempts=whole("SWEEP_ATTEMPTS", MOST_ATTEMPTS),
            max_starts_per_run=whole("MAX_STARTS_PER_RUN", MOST_STARTS),
            claim_days=whole("CLAIM_DAYS", LONGEST_DAYS, lowest=0),
        )
        problems += _too_short(settings, whole("RESULT_DAYS", 999_999_999, lowest=0))
        if problems:
            raise ValueError("; ".join(problems))
        return settings


def _too_short(settings: Settings, result_days: int) -> list[str]:
    """Say why claims would expire while something still asks for them."""
    days = settings.claim_days
    if days == 0:
        return []
    problems = []
    if days <= settings.sweep_days:
        problems.append(
            f"ClaimDays ({days}) must be 0 or greater than SweepDays ({settings.sweep_days}): "
            "the sweep would start images again whose outcome it can no longer see"
        )
    if result_days == 0:
        problems.append(
            f"ClaimDays ({days}) must be 0 while ResultDays is 0: "
            "the same bytes dropped again would get a second result beside the first, which is kept"
        )
    elif days <= result_days:
        problems.append(
            f"ClaimDays ({days}) must be 0 or greater than ResultDays ({result_days}): "
            "the same bytes dropped again would get a second result beside the first, which is still there"
        )
    return problems
