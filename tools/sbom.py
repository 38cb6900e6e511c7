"""Write the bill of materials of each function and of the endpoint's image as CycloneDX: build/sbom/<part>.cdx.json.

    python -m tools.sbom

The packages of each requirements.txt are installed by their hashes for x86-64 Linux. cyclonedx-py lists them with
licences and dependencies; components that it cannot see are added, and the result is validated against CycloneDX's
schema. Two runs write identical files. It exits with 1 if a list and its requirements.txt differ.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from packaging.utils import canonicalize_name

from tools.components import base_image, native_libraries
from tools.locked import locked_packages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tools.locked import Package

type Document = dict[str, Any]

ROOT: Final = Path(__file__).parents[1]
OUT: Final = ROOT / "build" / "sbom"
PLATFORM: Final = "x86_64-manylinux_2_34"  # of Lambda's python3.13
TOOL: Final = "cyclonedx-bom==7.5.0"
VALIDATE: Final = """
import pathlib, sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
check = JsonStrictValidator(SchemaVersion.V1_6).validate_str
errors = ((path, check(pathlib.Path(path).read_text())) for path in sys.argv[1:])
sys.exit(next((f"{path}: {str(error).splitlines()[0]}" for path, error in errors if error), 0))
"""


def disagreements(document: Document, packages: Iterable[Package]) -> list[str]:
    """Return the packages that are only in the list or only in the requirements.txt."""
    listed = {(canonicalize_name(entry["name"]), entry["version"]) for entry in document["components"]}
    locked = {(package.name, package.version) for package in packages if package.installs_on_linux()}
    return sorted(f"{name} {version}" for name, version in listed ^ locked)


def parts() -> dict[str, Path]:
    """Return the folder of everything that ships packages, by name."""
    functions = {
        path.parent.name: path.parent for path in sorted((ROOT / "functions").glob("*/requirements.txt"))
    }
    return functions | {"endpoint": ROOT / "endpoint"}


def describe(name: str, folder: Path) -> Document:
    """Return the list of one part, from a new installation of its requirements.txt."""
    work = OUT / "work" / name
    _uv("venv", "--clear", "--python", sys.executable, str(work))
    install = ("pip", "sync", "--python", str(work), "--require-hashes", "--python-platform", PLATFORM)
    _uv(*install, str(folder / "requirements.txt"))
    project = work / "pyproject.toml"
    project.write_text(_project(name))
    options = ("--output-reproducible", "--no-validate", "--pyproject", str(project))
    document: Document = json.loads(_tool("cyclonedx-py", "environment", *options, str(work)))
    _add_native_libraries(document, work)
    if name == "endpoint":
        document["metadata"]["component"]["components"] = [base_image((folder / "Dockerfile").read_text())]
    return document


def _project(name: str) -> str:
    """Return the pyproject.toml of one part: a name, the project's version, and the part's dependencies."""
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = whole["dependency-groups"].get(name) or whole["project"]["optional-dependencies"][name]
    return f'[project]\nname = "scones-{name}"\nversion = "{whole["project"]["version"]}"\ndependencies = {asked}\n'


def _add_native_libraries(document: Document, environment: Path) -> None:
    (packages,) = environment.glob("lib/python*/site-packages")
    entries = {canonicalize_name(entry["name"]): entry for entry in document["components"]}
    for distribution in importlib.metadata.distributions(path=[str(packages)]):
        if libraries := native_libraries(distribution):
            entries[canonicalize_name(distribution.name)]["components"] = libraries


def _tool(*command: str) -> str:
    return _uv("tool", "run", "--python", sys.executable, "--from", TOOL, *command)


def _uv(*arguments: str) -> str:
    uv = os.environ.get("UV", "uv")  # the Makefile's
    return subprocess.run([uv, *arguments], check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Run the command line."""
    wrong = []
    written = []
    try:
        for name, folder in parts().items():
            document = describe(name, folder)
            packages = locked_packages(folder / "requirements.txt")
            wrong += [f"{name}: {package}" for package in disagreements(document, packages)]
            written.append(OUT / f"{name}.cdx.json")
            written[-1].write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")
            print(f"{written[-1].relative_to(ROOT)}: {len(document['components'])} packages")
        _tool("python", "-c", VALIDATE, *map(str, written))
    except subprocess.CalledProcessError as error:
        print(error.stderr.strip(), file=sys.stderr)
        return 1
    for line in wrong:
        print(f"only in the list or only in requirements.txt: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
