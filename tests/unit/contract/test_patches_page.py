"""The page about the emulator's patches has every module and every patch, each with a request to the maintainers."""

import re
import tomllib
from pathlib import Path

import pytest

FOLDER = "scones/local/ministack"
LIST = "patches.py"
"""Calls the patches, and is none."""


@pytest.fixture(scope="module")
def sections(root: Path) -> dict[str, str]:
    parts = re.split(r"^## `(\w+\.py)`$", (root / FOLDER / "README.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_module_has_its_section(root: Path, sections: dict[str, str]) -> None:
    modules = {file.name for file in (root / FOLDER).glob("*.py")} - {"__init__.py", LIST}
    assert sections.keys() == modules


def test_every_entry_says_what_is_asked_for(sections: dict[str, str]) -> None:
    entries = [
        entry for text in sections.values() for entry in re.split(r"^- ", text, flags=re.MULTILINE)[1:]
    ]
    assert len(entries) >= len(sections)
    assert [entry for entry in entries if "*Request:*" not in " ".join(entry.split())] == []


def test_every_patch_that_is_applied_is_explained(root: Path, sections: dict[str, str]) -> None:
    calls = re.findall(r"^    (\w+)\.(\w+)\(", (root / FOLDER / LIST).read_text(), re.MULTILINE)
    assert len(calls) > 20
    assert [call for call in calls if f"`{call[1]}`" not in sections[f"{call[0]}.py"]] == []


def test_the_page_is_about_the_version_that_is_installed(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    (pin,) = [one for one in project["optional-dependencies"]["local"] if one.startswith("ministack")]
    assert (
        f"MiniStack {pin.removeprefix('ministack==')}"
        in (root / FOLDER / "README.md").read_text().splitlines()[0]
    )
