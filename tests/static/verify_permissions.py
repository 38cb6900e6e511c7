"""The tables of docs/security.md that say what a command needs, and the policy that the one of `verify` comes to."""

import re
from collections.abc import Mapping
from typing import Any

from tests.support import ROOT


def needed(command: str = "verify") -> list[tuple[list[str], list[str]]]:
    """Return each row's actions and resources."""
    page = (ROOT / "docs" / "security.md").read_text()
    (section,) = re.findall(rf"## What `scones {command}` needs\n(.*?)\n## ", page, re.DOTALL)
    rows = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in section.splitlines()]
    return [(row[0].split(", "), row[1].split(", ")) for row in rows if len(row) == 3 and ":" in row[0]]


def policy(arns: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy for a deployed stack, from the ARN of each name that a resource begins with."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": [_arn(arns, one) for one in resources]}
            for actions, resources in needed()
        ],
    }


def _arn(arns: Mapping[str, str], resource: str) -> str:
    name, slash, rest = resource.partition("/")
    return arns[name] + slash + rest
