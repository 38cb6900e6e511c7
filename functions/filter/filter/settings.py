"""What the environment says about Filter, read once and checked as a whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """
    What the inferences mean, and when they are sure enough.

    Attributes
    ----------
    labels
        The classes in the order of the probabilities.
    threshold
        The deployed threshold: lowest confidence, 0 to 1, that passes without a person.
    threshold_parameter
        Name of the SSM parameter of the live threshold; empty where there is none.
    threshold_max_age_s
        Seconds that what SSM said, or that it said nothing, is good for.
    """

    labels: tuple[str, ...]
    threshold: float
    threshold_parameter: str = ""
    threshold_max_age_s: int = 30

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read LABELS ("bicycle,motorcycle") and CONFIDENCE_THRESHOLD (0.8), and how to find the live threshold.

        THRESHOLD_PARAMETER may be missing, and POWERTOOLS_PARAMETERS_MAX_AGE is 30 then.

        Raises
        ------
        ValueError
            Naming every variable that is missing or bad.
        """
        problems = []
        text = environment.get("LABELS", "")
        labels = tuple(text.split(","))
        # The workflow splits the same text for the documents: a name with a blank at an end would differ there.
        names = {label for label in labels if label and label == label.strip()}
        if len(labels) < 2 or len(names) < len(labels):  # noqa: PLR2004
            problems.append(
                f"LABELS must be two or more different names with commas and no space between, not {text!r}"
            )
        threshold = 0.0
        try:
            threshold = parse_threshold(environment.get("CONFIDENCE_THRESHOLD", ""))
        except ValueError as error:
            problems.append(f"CONFIDENCE_THRESHOLD {error}")
        max_age = environment.get("POWERTOOLS_PARAMETERS_MAX_AGE", "30")
        if not re.fullmatch("[0-9]{1,5}", max_age):
            problems.append(f"POWERTOOLS_PARAMETERS_MAX_AGE must be a number of seconds, not {max_age!r}")
        if problems:
            raise ValueError("; ".join(problems))
        # `sam local` passes the template's logical id for the parameter's name, and has no SSM to ask.
        is_sam_local = environment.get("AWS_SAM_LOCAL") == "true"
        parameter = "" if is_sam_local else environment.get("THRESHOLD_PARAMETER", "")
        return cls(labels, threshold, parameter, int(max_age))


def parse_threshold(text: str) -> float:
    """
    Read a number from 0 to 1 as people write it: `0.8`, `.8`, `8e-1`, with space around.

    Nothing is guessed: `0,8`, `80%` and `0_8` are no numbers here.

    Raises
    ------
    ValueError
        For anything else; the message goes on after the name of what is wrong.
    """
    try:
        threshold = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {text[:20]!r}")
    return threshold
