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

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the ten variables: the template sets all, and a guess would hide one it forgot.

        Raises
        ------
        ValueError
            Naming every variable that is missing, or not a whole number within its range.
        """
        problems: list[str] = []

        def text(name: str) -> str:
            value = environment.get(name, "").strip()
            if not value:
                problems.append(f"{name} is missing")
            return value

        def whole(name: str, highest: int) -> int:
            value = environment.get(name)
            # No signs, no underscores, not a million digits.
            if value is not None and re.fullmatch("[0-9]{1,9}", value.strip()) and 1 <= int(value) <= highest:
                return int(value)
            found = "missing" if value is None else repr(value[:40])
            problems.append(f"{name} must be a whole number from 1 to {highest}, not {found}")
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
        )
        if problems:
            raise ValueError("; ".join(problems))
        return settings
