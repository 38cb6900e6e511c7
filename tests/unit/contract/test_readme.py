"""README names what exists."""

import re
from pathlib import Path

import pytest

from scones.cli import COMMANDS


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


def test_every_parameter_of_the_template_is_explained(root: Path, readme: str) -> None:
    parameters = (root / "template.yaml").read_text().split("\nParameters:\n")[1].split("\nConditions:\n")[0]
    names = re.findall(r"^  (\w+):$", parameters, re.MULTILINE)

    assert len(names) > 10
    assert [name for name in names if f"`{name}`" not in readme] == []


def test_every_command_it_shows_exists(root: Path, readme: str) -> None:
    makefile = (root / "Makefile").read_text()
    shown = set(re.findall(r"^    scones ([a-z]+)|`scones ([a-z]+)", readme, re.MULTILINE))
    targets = set(re.findall(r"(?:^    |`)make ([\w-]+)", readme, re.MULTILINE))

    assert {one or other for one, other in shown} <= set(COMMANDS)
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_path_it_names_exists(root: Path, readme: str) -> None:
    paths = re.findall(r"\]\(([\w./-]+)\)|(events/[\w./-]+\.json)", readme)

    assert [one or other for one, other in paths if not (root / (one or other)).exists()] == []
