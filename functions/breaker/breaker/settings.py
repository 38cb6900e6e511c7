"""The breaker's settings from the environment, read once and validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

FASTEST = 100  # starts a second


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Names of the resources that the breaker uses.

    Attributes
    ----------
    upload_rule
        Name of the rule that starts the workflow for an upload.
    hold_rule
        Name of the rule that puts its event into the queue of held images.
    drain_per_second
        Most held images that are started in a second.
    failed_images_url
        URL of the queue for what was held and is no event of an upload.
    alert_topic_arn
        Who is told that the breaker opens and closes.
    stack
        Name of the stack, for what people are told.
    namespace
        CloudWatch namespace of the stack's metrics.
    breaker_share
        Share of the endpoint's calls, 0 to 1, that must fail to open the breaker; 0 turns it off.
    """

    pause_parameter: str
    upload_rule: str
    hold_rule: str
    held_images_url: str
    workflow_arn: str
    drain_per_second: int
    failed_images_url: str
    alert_topic_arn: str
    stack: str
    namespace: str
    breaker_share: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the variables. No defaults: they would hide a variable that the template does not set.

        Raises
        ------
        ValueError
            Naming every variable that is missing or not a number within its range.
        """
        problems: list[str] = []

        def text(name: str) -> str:
            value = environment.get(name, "").strip()
            if not value:
                problems.append(f"{name} is missing")
            return value

        def rate(name: str) -> int:
            value = environment.get(name, "").strip()
            if re.fullmatch("[0-9]{1,3}", value) and 1 <= int(value) <= FASTEST:
                return int(value)
            problems.append(f"{name} must be a whole number from 1 to {FASTEST}, not {value[:40]!r}")
            return 1

        def share(name: str) -> float:
            value = environment.get(name, "").strip()
            if re.fullmatch(r"0|1|0?\.[0-9]+|[01]\.0+", value):
                return float(value)
            problems.append(f"{name} must be a number from 0 to 1, not {value[:40]!r}")
            return 0.0

        settings = cls(
            pause_parameter=text("PAUSE_PARAMETER"),
            upload_rule=text("UPLOAD_RULE"),
            hold_rule=text("HOLD_RULE"),
            held_images_url=text("HELD_IMAGES_URL"),
            workflow_arn=text("WORKFLOW_ARN"),
            drain_per_second=rate("DRAIN_PER_SECOND"),
            failed_images_url=text("FAILED_IMAGES_URL"),
            alert_topic_arn=text("ALERT_TOPIC_ARN"),
            stack=text("STACK"),
            namespace=text("POWERTOOLS_METRICS_NAMESPACE"),
            breaker_share=share("BREAKER_SHARE"),
        )
        if problems:
            raise ValueError("; ".join(problems))
        return settings
