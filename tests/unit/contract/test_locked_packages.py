"""What ships is pinned, known by its hashes, complete, asked for, and what these tests run with."""

import importlib.metadata
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.locked import Package, locked_packages

type Lock = dict[str, dict[str, Any]]
ROOT = Path(__file__).parents[3]
FUNCTIONS = sorted(path.name for path in (ROOT / "functions").iterdir() if path.is_dir())
PARTS = [*(f"functions/{name}" for name in FUNCTIONS), "endpoint"]


@pytest.fixture(params=PARTS)
def part(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shipped(part: str) -> list[Package]:
    return locked_packages(ROOT / part / "requirements.txt")


@pytest.fixture(scope="module")
def lock() -> Lock:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {package["name"]: package for package in packages}


def asked_for(part: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if part == "endpoint":
        asked = project["project"]["optional-dependencies"]["endpoint"]
        # The endpoint gets PNG and JPEG; `make lock` leaves HEIC out of its container.
        return [Requirement(line) for line in asked if not line.startswith("pillow-heif")]
    return [Requirement(line) for line in project["dependency-groups"][Path(part).name]]


def test_every_package_is_known_by_the_hashes_of_the_lock(shipped: list[Package], lock: Lock) -> None:
    assert shipped
    for package in shipped:
        locked = lock[package.name]
        files = [*locked.get("wheels", []), *([locked["sdist"]] if "sdist" in locked else [])]
        assert package.version == locked["version"]
        assert package.hashes == {file["hash"] for file in files}


def test_no_package_runs_code_while_it_is_installed(part: str) -> None:
    assert "--only-binary :all:" in (ROOT / part / "requirements.txt").read_text().splitlines()


def test_what_ships_is_asked_for_or_needed_and_nothing_needed_is_missing(
    part: str, shipped: list[Package], lock: Lock
) -> None:
    needed = {need["name"] for package in shipped for need in lock[package.name].get("dependencies", [])}

    assert {package.name for package in shipped} == needed | {
        canonicalize_name(need.name) for need in asked_for(part)
    }


def test_what_is_asked_for_ships_in_a_version_that_was_asked_for(part: str, shipped: list[Package]) -> None:
    versions = {package.name: package.version for package in shipped}

    assert all(need.specifier.contains(versions[canonicalize_name(need.name)]) for need in asked_for(part))


def test_the_tests_run_with_what_ships(shipped: list[Package]) -> None:
    versions = {package.name: package.version for package in shipped if package.installs_on_linux()}

    assert versions == {name: importlib.metadata.version(name) for name in versions}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_does_not_bring_what_its_runtime_has(function: str) -> None:
    shipped = {
        package.name for package in locked_packages(ROOT / "functions" / function / "requirements.txt")
    }

    assert not shipped & {"boto3", "botocore", "s3transfer", "urllib3"}


@pytest.mark.parametrize("line", ["pillow", "pillow>=13", "git+https://example.com/pillow"])
def test_a_line_that_pins_nothing_is_no_lock(tmp_path: Path, line: str) -> None:
    requirements = tmp_path / "requirements.txt"
    requirements.write_text(f"# a comment\n{line}\n")

    with pytest.raises(ValueError, match=line.replace("+", r"\+")):
        locked_packages(requirements)
