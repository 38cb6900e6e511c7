"""The confidence that passes without a person: the live one, and the deployed one where that cannot be used."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from scones.errors import error_code
from scones.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

_LONGEST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Threshold:
    """The live threshold of a stack, and the deployed one that counts while `problem` says the live one cannot."""

    parameter: str
    deployed: float
    live: float | None
    problem: str | None = None

    @property
    def counts(self) -> float:
        """The one that images are judged by."""
        return self.deployed if self.live is None else self.live

    def __str__(self) -> str:
        """Return `0.8`, or `0.9 (deployed: 0.8)` where the two differ."""
        differs = self.counts != self.deployed
        return f"{self.counts:.15g}{f' (deployed: {self.deployed:.15g})' if differs else ''}"

    def as_document(self) -> dict[str, Any]:
        """Return what `scones threshold --json` prints."""
        return {
            "threshold": self.counts,
            "deployed": self.deployed,
            "parameter": self.parameter,
            "problem": self.problem,
        }


def read_threshold(ssm: "SSMClient", stack: Stack) -> Threshold:
    """Read the live threshold as Filter does: what is missing or no threshold leaves the deployed one."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 (slow)

    name, deployed = stack.threshold_parameter, stack.confidence_threshold
    try:
        text = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        return Threshold(name, deployed, parse_threshold(text))
    except ValueError as error:
        return Threshold(name, deployed, None, f"parameter {name} {error}")
    except ClientError as error:
        if error_code(error) != "ParameterNotFound":
            raise
        return Threshold(name, deployed, None, f"parameter {name} is gone")


def set_threshold(ssm: "SSMClient", stack: Stack, value: float) -> Threshold:
    """Set the live threshold; a parameter that is gone is made again."""
    name = stack.threshold_parameter
    ssm.put_parameter(Name=name, Value=str(value), Type="String", Overwrite=True)
    return Threshold(name, stack.confidence_threshold, value)


def parse_threshold(text: str) -> float:
    """Read a number from 0 to 1; a test holds it to Filter's own reading.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        value = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        message = f"must be a number from 0 to 1, not {text[:_LONGEST_SHOWN]!r}"
        raise ValueError(message)
    return value
