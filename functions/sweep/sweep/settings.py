"""Sweep's settings from the environment, read once and validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

LONGEST_MINUTES = 10_080  # a week
LONGEST_DAYS = 3_650
MOST_ATTEMPTS = 100
MOST_STARTS = 10_000
MOST_ERRORS = 0.5
FALSE_ALARMS = (0.0001, 0.5)
WATCH_ACTIONS = frozenset({"notify", "raise", "review"})


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Names of the resources that a sweep uses, and its limits.

    Attributes
    ----------
    image_pattern
        Keys of images; a `*` stands for any text.
    exclude_prefixes
        Prefixes of keys that are none.
    sweep_minutes
        Younger images are skipped: their event may not have arrived yet.
    sweep_days
        Older images are skipped.
    sweep_attempts
        How often sweeps start an image before it is given up and reported.
    max_starts_per_run
        Most executions that one run starts, so that a sweep does not overload the workflow.
    claim_days
        Days after which a finished claim may be deleted; 0 keeps it. Validated here because CloudFormation's rules
        cannot compare numbers: a claim must outlive the sweep's range of ages and the image's result.
    audit_share
        The share of images that are audited.
    audit_days
        Days after which an audit that nobody decided counts as an error.
    promised_error
        The stack's own promise, the highest share of errors among what passes; 0 for none but a certificate's.
    false_alarms_a_year
        The chance that the watch refutes, within a year, a promise that holds.
    watch_action
        What it does then: notify, raise or review.
    threshold_parameter
        Name of the SSM parameter of the live threshold.
    certificate_check
        Name of the one that says when the endpoint last had the certified configuration.
    pause_parameter
        Name of the one that says whether the stack is paused.
    """

    image_bucket: str
    image_pattern: str
    exclude_prefixes: tuple[str, ...]
    claims_table: str
    workflow_arn: str
    record_decision_arn: str
    alert_topic_arn: str
    failed_queue_url: str
    threshold_parameter: str
    certificate_check: str
    pause_parameter: str
    endpoint_name: str
    sweep_minutes: int
    sweep_days: int
    sweep_attempts: int
    max_starts_per_run: int
    claim_days: int
    audit_share: float
    audit_days: int
    promised_error: float
    false_alarms_a_year: float
    watch_action: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the twenty-three variables.

        No defaults, which would hide a variable that the template does not set; only EXCLUDE_PREFIXES may be empty.

        Raises
        ------
        ValueError
            Naming every variable that is missing, not a number within its range, or at odds with another.
        """
        problems: list[str] = []

        def text(name: str) -> str:
            value = environment.get(name, "").strip()
            if not value:
                problems.append(f"{name} is missing")
            return value

        def whole(name: str, highest: int, lowest: int = 1) -> int:
            value = environment.get(name)
            # No signs, no underscores, at most this many digits.
            if (
                value is not None
                and re.fullmatch("[0-9]{1,9}", value.strip())
                and lowest <= int(value) <= highest
            ):
                return int(value)
            found = "missing" if value is None else repr(value[:40])
            problems.append(f"{name} must be a whole number from {lowest} to {highest}, not {found}")
            return highest

        def number(name: str, lowest: float, highest: float) -> float:
            value = environment.get(name)
            if (
                value is not None
                and re.fullmatch(r"[0-9]{0,3}\.?[0-9]{1,17}(e-[0-9]{1,2})?", value.strip())
                and lowest <= float(value) <= highest
            ):
                return float(value)
            found = "missing" if value is None else repr(value[:40])
            problems.append(f"{name} must be a number from {lowest:g} to {highest:g}, not {found}")
            return highest

        settings = cls(
            image_bucket=text("IMAGE_BUCKET"),
            image_pattern=text("IMAGE_PATTERN"),
            exclude_prefixes=tuple(filter(None, environment.get("EXCLUDE_PREFIXES", "").split(","))),
            claims_table=text("CLAIMS_TABLE"),
            workflow_arn=text("WORKFLOW_ARN"),
            record_decision_arn=text("RECORD_DECISION_ARN"),
            alert_topic_arn=text("ALERT_TOPIC_ARN"),
            failed_queue_url=text("FAILED_QUEUE_URL"),
            threshold_parameter=text("THRESHOLD_PARAMETER"),
            certificate_check=text("CERTIFICATE_CHECK"),
            pause_parameter=text("PAUSE_PARAMETER"),
            endpoint_name=text("ENDPOINT_NAME"),
            sweep_minutes=whole("SWEEP_MINUTES", LONGEST_MINUTES),
            sweep_days=whole("SWEEP_DAYS", LONGEST_DAYS),
            sweep_attempts=whole("SWEEP_ATTEMPTS", MOST_ATTEMPTS),
            max_starts_per_run=whole("MAX_STARTS_PER_RUN", MOST_STARTS),
            claim_days=whole("CLAIM_DAYS", LONGEST_DAYS, lowest=0),
            audit_share=number("AUDIT_SHARE", 0, 1),
            audit_days=whole("AUDIT_DAYS", LONGEST_DAYS),
            promised_error=number("PROMISED_ERROR", 0, MOST_ERRORS),
            false_alarms_a_year=number("WATCH_FALSE_ALARMS", *FALSE_ALARMS),
            watch_action=text("WATCH_ACTION"),
        )
        if settings.watch_action and settings.watch_action not in WATCH_ACTIONS:
            problems.append(
                f"WATCH_ACTION must be notify, raise or review, not {settings.watch_action[:40]!r}"
            )
        problems += _too_short(settings, whole("RESULT_DAYS", 999_999_999, lowest=0))
        if problems:
            raise ValueError("; ".join(problems))
        return settings


def _too_short(settings: Settings, result_days: int) -> list[str]:
    """Return the reasons why claims would expire while they are still needed."""
    days = settings.claim_days
    if days == 0:
        return []
    problems = []
    if days <= settings.sweep_days:
        problems.append(
            f"ClaimDays ({days}) must be 0 or greater than SweepDays ({settings.sweep_days}): "
            "the sweep would restart images whose outcome is no longer recorded"
        )
    if result_days == 0:
        problems.append(
            f"ClaimDays ({days}) must be 0 while ResultDays is 0: "
            "the same bytes uploaded again would get a second result beside the first, which is kept"
        )
    elif days <= result_days:
        problems.append(
            f"ClaimDays ({days}) must be 0 or greater than ResultDays ({result_days}): "
            "the same bytes uploaded again would get a second result beside the first, which still exists"
        )
    return problems
