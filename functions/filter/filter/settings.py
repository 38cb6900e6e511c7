"""Filter's settings from the environment, read once and validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from filter.threshold_rule import parse_number, parse_thresholds

MISSED_SWEEPS = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The labels of the probabilities, and the thresholds of confidence.

    Attributes
    ----------
    labels
        The classes in the order of the probabilities.
    thresholds
        The deployed ones: for each label, the lowest confidence, 0 to 1, that passes without a review.
    threshold_parameter
        Name of the SSM parameter of the live threshold; empty where there is none.
    threshold_max_age_s
        Seconds for which SSM's response, or its failure to respond, is cached.
    audit_share
        The share of all classified images, 0 to 1, that people check; 0 for none.
    audit_secret
        ARN of the secret of the draw; empty where there is none.
    requires_certificate
        Whether an image passes only where a certificate covers it.
    serialize_digest
        Digest of Serialize's code and settings in this release.
    certificate_check
        Name of the SSM parameter in which the sweep says when it last saw the certified endpoint configuration.
    sweep_every_minutes
        How often it does.
    """

    labels: tuple[str, ...]
    thresholds: Mapping[str, float]
    threshold_parameter: str = ""
    threshold_max_age_s: int = 30
    audit_share: float = 0.0
    audit_secret: str = ""
    requires_certificate: bool = False
    serialize_digest: str = ""
    certificate_check: str = ""
    sweep_every_minutes: int = 15

    @property
    def longest_unchecked(self) -> timedelta:
        """Age at which the sweep's last check does not count any more: two runs may fail, and one may be late."""
        return timedelta(minutes=MISSED_SWEEPS * self.sweep_every_minutes + 5)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read LABELS ("bicycle,motorcycle"), CONFIDENCE_THRESHOLD and the location of the live threshold.

        CONFIDENCE_THRESHOLD is "0.8", or "bicycle=0.9,default=0.8".
        THRESHOLD_PARAMETER may be missing; POWERTOOLS_PARAMETERS_MAX_AGE defaults to 30, REQUIRE_CERTIFICATE to
        "false", SWEEP_EVERY_MINUTES to 15.

        Raises
        ------
        ValueError
            Naming every variable that is missing or bad.
        """
        problems = []
        text = environment.get("LABELS", "")
        labels = tuple(text.split(","))
        # The workflow splits the same string for the result documents, where surrounding spaces would stay.
        names = {label for label in labels if label and label == label.strip()}
        if len(labels) < 2 or len(names) < len(labels):  # noqa: PLR2004
            problems.append(
                f"LABELS must be two or more different names with commas and no space between, not {text!r}"
            )
        thresholds = {}
        try:
            thresholds = parse_thresholds(environment.get("CONFIDENCE_THRESHOLD", ""), labels)
        except ValueError as error:
            problems.append(f"CONFIDENCE_THRESHOLD {error}")
        max_age = environment.get("POWERTOOLS_PARAMETERS_MAX_AGE", "30")
        if not re.fullmatch("[0-9]{1,5}", max_age):
            problems.append(f"POWERTOOLS_PARAMETERS_MAX_AGE must be a number of seconds, not {max_age!r}")
        every = environment.get("SWEEP_EVERY_MINUTES", "15")
        if not re.fullmatch("[1-9][0-9]{0,3}", every):
            problems.append(f"SWEEP_EVERY_MINUTES must be a number of minutes, not {every!r}")
        requires = environment.get("REQUIRE_CERTIFICATE", "false")
        digest = environment.get("SERIALIZE_DIGEST", "")
        if requires not in {"true", "false"}:
            problems.append(f"REQUIRE_CERTIFICATE must be true or false, not {requires!r}")
        elif requires == "true" and not digest:
            problems.append("SERIALIZE_DIGEST is missing, which REQUIRE_CERTIFICATE needs")
        share = 0.0
        try:
            share = parse_number(environment.get("AUDIT_SHARE", "0"))
        except ValueError as error:
            problems.append(f"AUDIT_SHARE {error}")
        if problems:
            raise ValueError("; ".join(problems))
        # `sam local` passes the template's logical ids as names, and has neither SSM nor Secrets Manager.
        is_sam_local = environment.get("AWS_SAM_LOCAL") == "true"
        parameter = "" if is_sam_local else environment.get("THRESHOLD_PARAMETER", "")
        secret = "" if is_sam_local else environment.get("AUDIT_SECRET", "")
        return cls(
            labels,
            thresholds,
            threshold_parameter=parameter,
            threshold_max_age_s=int(max_age),
            audit_share=share,
            audit_secret=secret,
            requires_certificate=requires == "true",
            serialize_digest=digest,
            certificate_check=environment.get("CERTIFICATE_CHECK", ""),
            sweep_every_minutes=int(every),
        )
