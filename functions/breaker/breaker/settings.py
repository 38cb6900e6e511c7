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
    """

    pause_parameter: str
    upload_rule: str
    hold_rule: str
    held_images_url: str
    workflow_arn: str
    drain_per_second: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read the six variables. No defaults: they would hide a variable that the template does not set.

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

        settings = cls(
            pause_parameter=text("PAUSE_PARAMETER"),
            upload_rule=text("UPLOAD_RULE"),
            hold_rule=text("HOLD_RULE"),
            held_images_url=text("HELD_IMAGES_URL"),
            workflow_arn=text("WORKFLOW_ARN"),
            drain_per_second=rate("DRAIN_PER_SECOND"),
        )
        if problems:
            raise ValueError("; ".join(problems))
        return settings
