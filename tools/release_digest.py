"""Write the digest of a release's contents into template.yaml: ``python -m tools.release_digest``.

A release's metrics have the digest as a dimension, so that the alarm of a gradual deployment covers only the new
release. The digest covers the state machines, the functions, and the template's settings of those in the workflow.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from samcli.yamlhelper import yaml_parse

LENGTH: Final = 12
FOLDERS: Final = ("statemachine", "functions")
RESOURCES: Final = ("Serialize", "Classify", "Filter", "ClassifyImage")
# The location of a package and the deployment settings do not change what runs.
NOT_OF_THE_RELEASE: Final = frozenset({"CodeUri", "DefinitionUri", "DeploymentPreference"})
# A leading letter: some YAML parsers read hexadecimal digits such as 12e456789012 as a number.
PREFIX: Final = "r"
_LINE: Final = re.compile(r'^( +Digest: )"(\w*)"$', re.MULTILINE)


def digest(root: Path) -> str:
    """Return the digest of the release in a folder.

    Parameters
    ----------
    root : Path
        Contains template.yaml, statemachine/ and functions/.

    Returns
    -------
    str
        An "r" and the first hexadecimal digits of a SHA-256 over the names and bytes of the shipped files and over the
        template's settings of functions and workflow as written, with parameters unresolved.
    """
    found = hashlib.sha256()
    for path in _files(root):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    found.update(json.dumps(_settings(root / "template.yaml"), sort_keys=True).encode())
    return PREFIX + found.hexdigest()[:LENGTH]


def written(template: Path) -> str:
    """Return the digest in a template."""
    return str(_line(template.read_text())[2])


def write(template: Path, value: str) -> None:
    """Write a digest into a template without other changes."""
    text = template.read_text()
    line = _line(text)
    template.write_text(f'{text[: line.start()]}{line[1]}"{value}"{text[line.end() :]}')


def _files(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            parts = path.relative_to(root).parts
            if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
                yield path


def _settings(template: Path) -> dict[str, Any]:
    parsed = yaml_parse(template.read_text())
    resources = {name: parsed["Resources"][name]["Properties"] for name in RESOURCES}
    return {"Globals": parsed["Globals"]["Function"]} | {
        name: {key: value for key, value in properties.items() if key not in NOT_OF_THE_RELEASE}
        for name, properties in resources.items()
    }


def _line(text: str) -> re.Match[str]:
    found = list(_LINE.finditer(text))
    if len(found) != 1:
        raise ValueError(
            f'template.yaml has {len(found)} lines `Digest: "..."`, not one: see Mappings, Release'
        )
    return found[0]


def main() -> int:
    """Update template.yaml of this repository and print the result."""
    root = Path(__file__).parents[1]
    template = root / "template.yaml"
    before, now = written(template), digest(root)
    write(template, now)
    sys.stdout.write(f"template.yaml: release {now}{'' if now == before else f', was {before}'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
