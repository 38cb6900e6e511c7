"""A release: a model, its hosting, and how it replaces the previous release."""

from __future__ import annotations

import re
from dataclasses import dataclass

from training.aws import is_role_arn
from training.errors import ReleaseError

VARIANT = "AllTraffic"  # the only variant; deployment guardrails require that its name does not change between releases
MEMORY_MB = (1024, 2048, 3072, 4096, 5120, 6144)
MAX_ALARMS = 10
MAX_ALARM_NAME = 255
_MAX_IMAGE = 255
_MAX_MODEL_DATA = 1024
_MAX_CAPTURE = 512
_ENDPOINT_NAME = re.compile(r"[a-z0-9](-*[a-z0-9]){0,62}")
_VERSION = re.compile(r"[0-9a-f]{12}")
_OWN_VERSION = re.compile(r"[A-Za-z0-9](-*[A-Za-z0-9]){0,11}")


@dataclass(frozen=True, slots=True)
class Serverless:
    """Capacity on demand, which scales to zero without requests."""

    memory_mb: int = 2048
    max_concurrency: int = 10

    def idle_cost(self) -> str:
        """Describe the cost without requests."""
        return "serverless: billed per request for compute time; no cost while idle"


@dataclass(frozen=True, slots=True)
class Instances:
    """Instances that run with or without requests.

    Parameters
    ----------
    instance_type
        For example ml.c7i.large.
    minimum, maximum
        Limits of autoscaling.
    max_rps
        Requests per second that one instance sustains in a load test; half of it is the target.
    capture
        s3:// prefix for Data Capture; None captures nothing.
    """

    instance_type: str
    minimum: int = 1
    maximum: int = 2
    max_rps: float = 50.0
    capture: str | None = None
    capture_percent: int = 100

    def __post_init__(self) -> None:
        """Reject values that AWS would reject later; the list of instance types is left to AWS."""
        if not self.instance_type.startswith("ml."):
            raise ReleaseError(
                f"instance type {self.instance_type!r}: SageMaker's begin with ml., as ml.c7i.large"
            )
        if self.capture is not None and not _is_s3_address(self.capture, _MAX_CAPTURE):
            raise ReleaseError(
                f"--capture must be an s3://bucket/prefix of {_MAX_CAPTURE} characters at most"
            )

    def idle_cost(self) -> str:
        """Describe the cost without requests."""
        hours = self.minimum * 24
        return (
            f"{self.minimum} to {self.maximum} x {self.instance_type}: billed by the second whether called or "
            f"not; idle, that is {hours} instance hours a day until deleted (price: AWS's list for the region)"
        )


Hosting = Serverless | Instances


@dataclass(frozen=True, slots=True)
class Rollout:
    """How a new release is rolled out and rolled back.

    Parameters
    ----------
    canary_percent
        Share of the capacity that switches first; None switches all at once.
    bake_s
        Seconds for which the new fleet is watched before the old one is removed.
    alarms
        CloudWatch alarms that roll back; empty means the two that the deployment creates.
    max_error_rate, max_latency_ms
        Thresholds of those two.
    """

    canary_percent: int | None = None
    bake_s: int = 300
    alarms: tuple[str, ...] = ()
    max_error_rate: float = 0.05
    max_latency_ms: int = 500


@dataclass(frozen=True, slots=True)
class Release:
    """One model version on one endpoint; all names of the deployment derive from it."""

    endpoint_name: str
    image: str
    model_data: str
    role: str
    version: str
    hosting: Hosting

    def __post_init__(self) -> None:
        """Reject values that AWS would reject later, or that could not be rolled back."""
        if not _ENDPOINT_NAME.fullmatch(self.endpoint_name):
            raise ReleaseError(
                f"endpoint name {self.endpoint_name!r}: lower-case letters, digits and single dashes, 63 at most"
            )
        if not _OWN_VERSION.fullmatch(self.version):
            raise ReleaseError(f"version {self.version!r}: letters, digits and dashes, 12 at most")
        if not _is_s3_address(self.model_data, _MAX_MODEL_DATA):
            raise ReleaseError(
                f"model data {self.model_data!r:.100} is not an s3://bucket/key of {_MAX_MODEL_DATA} characters at most"
            )
        if not is_role_arn(self.role):
            raise ReleaseError(
                f"role {self.role!r} is not the ARN of a role, arn:aws:iam::<account>:role/<name>"
            )
        if re.search(r"\s", self.image) or len(self.image) > _MAX_IMAGE:
            raise ReleaseError(f"image {self.image!r:.100}: no spaces, {_MAX_IMAGE} characters at most")
        name = self.image.rpartition("/")[2]
        if "@" not in name and name.partition(":")[2] in ("", "latest"):
            raise ReleaseError(f"image {self.image}: give a tag or digest that always names the same build")


def _is_s3_address(text: str, most: int) -> bool:
    return bool(re.fullmatch(r"s3://[^/\s]+(/.*)?", text)) and len(text) <= most


def version_in(model_data: str) -> str:
    """Return the version in an address written by training.package, `.../<version>/model.tar.gz`."""
    parts = model_data.rsplit("/", 2)
    if len(parts) < 3 or not _VERSION.fullmatch(parts[1]):  # noqa: PLR2004 - what rsplit gives
        raise ReleaseError(f"{model_data} has no model version before its file name; give --version")
    return parts[1]
