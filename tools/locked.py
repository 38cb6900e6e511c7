"""Parse a requirements.txt written by `make lock`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from pathlib import Path

    from packaging.markers import Marker

LINUX = {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"}


@dataclass(frozen=True, slots=True)
class Package:
    """A package version with the hashes of its files (`sha256:...`)."""

    name: str
    version: str
    hashes: frozenset[str]
    marker: Marker | None

    def installs_on_linux(self) -> bool:
        """Whether it is installed on x86-64 Linux, the platform of functions and endpoint."""
        return self.marker is None or self.marker.evaluate(LINUX)


def locked_packages(requirements: Path) -> list[Package]:
    """Return the packages of a requirements.txt, in its order.

    Raises
    ------
    ValueError
        When a line does not pin one version.
    """
    lines = requirements.read_text().replace("\\\n", " ").splitlines()
    return [_package(line) for line in lines if line and not line.startswith(("#", "--"))]


def _package(line: str) -> Package:
    text, *hashes = (part.strip() for part in line.split(" --hash="))
    try:
        asked = Requirement(text)
        (pin,) = asked.specifier
    except (InvalidRequirement, ValueError):
        pin = None
    if pin is None or pin.operator != "==":
        raise ValueError(f"not one version of a package: {text}")
    return Package(canonicalize_name(asked.name), pin.version, frozenset(hashes), asked.marker)
