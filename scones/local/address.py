"""Where the local cloud listens, and the environment that points AWS tools to it and to nothing else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REGION: Final = "us-east-1"
# The emulator takes any; fixed ones keep the user's own out of it.
LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
# The AWS CLI and the SDKs look at these before, or beside, the variables that `scones env` sets.
MISLEADING: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_USE_FIPS_ENDPOINT",
)
CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the emulated AWS and the model's endpoint listen."""

    host: str
    aws_port: int
    endpoint_port: int

    @property
    def aws_url(self) -> str:
        """URL of the emulated AWS for a client on this machine."""
        return f"http://{self.reachable}:{self.aws_port}"

    @property
    def endpoint_url(self) -> str:
        """URL of the SageMaker runtime's stand-in for a client on this machine."""
        return f"http://{self.reachable}:{self.endpoint_port}"

    @property
    def reachable(self) -> str:
        """Host that a client on this machine connects to."""
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  compared, not bound


def aws_variables(aws_url: str) -> dict[str, str]:
    """Return the variables that point any AWS tool to the local cloud."""
    return CREDENTIALS | {"AWS_ENDPOINT_URL": aws_url, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}


def direct_variables(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep this machine's own addresses away from any proxy, whatever else goes through one.

    Both spellings: Python and curl let the one in small letters win, others know only one of the two.
    """
    given = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    names = [name.strip() for name in given.split(",") if name.strip()]
    if "*" not in names:
        names = list(dict.fromkeys((*names, *LOOPBACK, host)))
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(names))


def misleading_variables(environment: Mapping[str, str]) -> list[str]:
    """Name the variables that would lead a tool away from the local cloud beside `aws_variables`.

    A profile that does not exist fails the AWS CLI at once, and an endpoint for one service goes before the one for
    all (AWS SDKs and Tools reference guide, "Service-specific endpoints").
    """
    return [name for name in environment if name in MISLEADING or name.startswith("AWS_ENDPOINT_URL_")]


def tool_environment(address: Address) -> dict[str, str]:
    """Return the whole environment for a tool that works on the local cloud: nothing of the user's AWS set-up.

    Containers often set PYTHONDONTWRITEBYTECODE; with it SAM, and every new process of a function, would compile all
    that it imports.
    """
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    kept = {name: value for name, value in os.environ.items() if name == "AWS_CA_BUNDLE"}
    own = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": tool_path(),
    }
    direct = direct_variables(address.reachable, os.environ)
    return inherited | kept | aws_variables(address.aws_url) | direct | own


def tool_path() -> str:
    """Return PATH with the folder of this Python first: sam is there, and the python3.13 that sam build looks for."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
