"""What the environment says about Filter, read once and checked as a whole."""

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
        Lowest confidence, 0 to 1, that passes without a person.
    """

    labels: tuple[str, ...]
    threshold: float

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """
        Read LABELS ("bicycle,motorcycle") and CONFIDENCE_THRESHOLD (0.8).

        Raises
        ------
        ValueError
            Naming every variable that is missing or bad.
        """
        problems = []
        text = environment.get("LABELS", "")
        labels = tuple(label.strip() for label in text.split(","))
        if len(labels) < 2 or not all(labels) or len(set(labels)) < len(labels):  # noqa: PLR2004
            problems.append(f"LABELS must be two or more different names with commas between, not {text!r}")
        threshold = environment.get("CONFIDENCE_THRESHOLD", "")
        if not _is_share(threshold):
            problems.append(f"CONFIDENCE_THRESHOLD must be a number from 0 to 1, not {threshold!r}")
        if problems:
            raise ValueError("; ".join(problems))
        return cls(labels, float(threshold))


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False
