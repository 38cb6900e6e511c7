"""Classify's settings from the environment, read once and validated together."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Settings:
    """
    The endpoint to invoke, and the labels of its probabilities.

    Attributes
    ----------
    endpoint_name
        SageMaker's name of the endpoint.
    labels
        The classes in the order of the model's probabilities.
    pause_parameter
        Name of the SSM parameter that says whether the breaker is open; empty where there is none.
    """

    endpoint_name: str
    labels: tuple[str, ...]
    pause_parameter: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read ENDPOINT_NAME and LABELS ("bicycle,motorcycle"); PAUSE_PARAMETER may be missing.

        Raises
        ------
        ValueError
            Naming every variable that is missing or bad.
        """
        problems = []
        endpoint_name = environment.get("ENDPOINT_NAME", "").strip()
        if not endpoint_name:
            problems.append("ENDPOINT_NAME is missing")
        elif not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9-]{0,62}", endpoint_name):
            problems.append(
                f"ENDPOINT_NAME must be letters, digits and hyphens, at most 63, not {endpoint_name!r}"
            )
        text = environment.get("LABELS", "")
        labels = tuple(text.split(","))
        # The workflow splits the same string for the result documents, where surrounding spaces would stay.
        names = {label for label in labels if label and label == label.strip()}
        if len(labels) < 2 or len(names) < len(labels):  # noqa: PLR2004
            problems.append(
                f"LABELS must be two or more different names with commas and no space between, not {text!r}"
            )
        if problems:
            raise ValueError("; ".join(problems))
        # `sam local` passes the template's logical ids as names, and has no SSM.
        is_sam_local = environment.get("AWS_SAM_LOCAL") == "true"
        return cls(endpoint_name, labels, "" if is_sam_local else environment.get("PAUSE_PARAMETER", ""))
