"""Where the local cloud listens, and the environment that points AWS tools to it and to nothing else."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

REGION: Final = "us-east-1"
# The emulator takes any; fixed ones keep the user's own out of it.
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
        return f"http://{self._reachable}:{self.aws_port}"

    @property
    def endpoint_url(self) -> str:
        """URL of the SageMaker runtime's stand-in for a client on this machine."""
        return f"http://{self._reachable}:{self.endpoint_port}"

    @property
    def _reachable(self) -> str:
        return "127.0.0.1" if self.host == "0.0.0.0" else self.host  # noqa: S104  compared, not bound


def aws_variables(aws_url: str) -> dict[str, str]:
    """Return the variables that point any AWS tool to the local cloud."""
    return CREDENTIALS | {"AWS_ENDPOINT_URL": aws_url, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}


def tool_environment(address: Address) -> dict[str, str]:
    """Return the whole environment for a tool that works on the local cloud: nothing of the user's AWS set-up."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    kept = {name: value for name, value in os.environ.items() if name == "AWS_CA_BUNDLE"}
    own = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PATH": tool_path(),
    }
    return inherited | kept | aws_variables(address.aws_url) | own


def tool_path() -> str:
    """Return PATH with the folder of this Python first: sam is there, and the python3.13 that sam build looks for."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
