"""Write the digest of a release's contents into template.yaml: ``python -m tools.release_digest``.

A release's metrics have the digest as a dimension, so that the alarm of a gradual deployment covers only the new
release. The digest covers the state machines, the functions, and the template's settings of those in the workflow.

A second digest, of Serialize alone, is what a certificate binds: other code makes other pixels, about which it says
nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
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
SERIALIZE: Final = "functions/serialize"
SERIALIZE_PREFIX: Final = "s"


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
    found = _of_files(root, FOLDERS)
    found.update(json.dumps(_settings(root / "template.yaml"), sort_keys=True).encode())
    return PREFIX + found.hexdigest()[:LENGTH]


def serialize_digest(root: Path) -> str:
    """Return an "s" and the first hexadecimal digits of a SHA-256 over the names and bytes of Serialize's files."""
    return SERIALIZE_PREFIX + _of_files(root, [SERIALIZE]).hexdigest()[:LENGTH]


def written(template: Path, name: str = "Digest") -> str:
    """Return a digest in a template, by its name in the mapping."""
    return str(_line(template.read_text(), name)[2])


def write(template: Path, value: str, name: str = "Digest") -> None:
    """Write a digest into a template without other changes."""
    text = template.read_text()
    line = _line(text, name)
    template.write_text(f'{text[: line.start()]}{line[1]}"{value}"{text[line.end() :]}')


def _of_files(root: Path, folders: Iterable[str]) -> hashlib._Hash:
    found = hashlib.sha256()
    for path in _files(root, folders):
        content = path.read_bytes()
        found.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode() + content)
    return found


def _files(root: Path, folders: Iterable[str]) -> Iterator[Path]:
    for folder in folders:
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


def _line(text: str, name: str) -> re.Match[str]:
    found = list(re.finditer(rf'^( +{name}: )"(\w*)"$', text, re.MULTILINE))
    if len(found) != 1:
        raise ValueError(
            f'template.yaml has {len(found)} lines `{name}: "..."`, not one: see Mappings, Release'
        )
    return found[0]


def main() -> int:
    """Update template.yaml of this repository and print the result."""
    root = Path(__file__).parents[1]
    template = root / "template.yaml"
    for title, name, now in (
        ("release", "Digest", digest(root)),
        ("Serialize", "Serialize", serialize_digest(root)),
    ):
        before = written(template, name)
        write(template, now, name)
        sys.stdout.write(f"template.yaml: {title} {now}{'' if now == before else f', was {before}'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
