"""Pages name what exists: commands and their options, make targets, modules, paths, links, parameters."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from samcli.yamlhelper import yaml_parse

from scones.cli import COMMANDS, main
from tests.page_commands import PAGES, ROOT, blocks, commands, mentions, of_module, shown, text_of
from tools.draw_workflow import drawn

FOLDERS = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")} | {
    ".github"
}
MADE = {"build", "dist", ".venv", ".venv-training", ".scones", ".aws-sam", ".judges", "samconfig.toml"}
"""Folders that commands make."""


def refusal(words: list[str], *, may_be_a_part: bool = False) -> str | None:
    """What the parser of `scones` itself says against a command, all its values included; it is not run."""
    words = ["1" if word == "N" else word for word in words]
    context, command = click.Context(main), main.get_command(click.Context(main), words[0])
    rest = words[1:]
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        command, rest = command.get_command(context, rest[0]), rest[1:]
    if command is None:
        return f"no such command: {' '.join(words)}"
    try:
        command.make_context(command.name, rest, parent=context)
    except click.exceptions.Exit:  # --help
        return None
    except click.UsageError as error:
        is_part = isinstance(error, click.MissingParameter | click.BadOptionUsage)
        made = re.search(r"'([^'/]+)/[^']*' does not exist", error.format_message())
        if (may_be_a_part and is_part) or (made and made[1] in MADE):
            return None
        return f"{' '.join(words)}: {error.format_message()}"
    return None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("drop events/images --timeout 5", None),
        ("up --model build/model.onnx", None),
        ("backfill --max-concurrency N", None),
        ("drop --help", None),
        ("drop", "Missing argument"),
        ("up --model nowhere.onnx", "does not exist"),
        ("drop events/images --timeout soon", "not a valid"),
        ("drop events/images --time-out 5", "No such option"),
        ("status now", "unexpected extra argument"),
        ("results --outcome lost", "is not one of"),
        ("dorp events/images", "no such command"),
    ],
)
def test_a_command_is_parsed_as_it_is_when_typed(
    line: str, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    found = refusal(line.split())
    assert (found is None) if said is None else (found is not None and said in found)


@pytest.mark.parametrize("page", PAGES)
def test_every_scones_command_is_one_that_the_parser_takes(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    typed = [refusal(words[1:]) for words in commands(blocks(page)) if words[0] == "scones" and words[1:]]
    named = [
        refusal(words[1:], may_be_a_part=True)
        for words in commands(mentions(page))
        if words[0] == "scones" and re.fullmatch(r"[a-z]+", "".join(words[1:2]))
    ]
    assert [found for found in (*typed, *named) if found] == []


@cache
def make_refuses(words: tuple[str, ...]) -> str | None:
    """What make says against a command, its variables included; nothing is run, but all is expanded."""
    unknown = [
        word
        for word in words[2:]
        if (found := re.match(r"([A-Z_]+)=", word)) and f"$({found[1]})" not in text_of("Makefile")
    ]
    if unknown:
        return f"{' '.join(words)}: no recipe reads {' '.join(unknown)}"
    done = subprocess.run(
        ["make", "--dry-run", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else f"{' '.join(words)}: {done.stderr.strip()}"


def test_make_refuses_what_it_does_not_know() -> None:
    assert "No rule to make target" in (make_refuses(("make", "demos")) or "")
    assert "no recipe reads" in (make_refuses(("make", "bench", "PARTS=pipeline")) or "")
    assert make_refuses(("make", "bench", "PART=pipeline")) is None


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_is_one_that_make_takes(page: str) -> None:
    typed = {tuple(words) for words in shown(page) if words[0] == "make" and len(words) > 1}
    assert [found for words in sorted(typed) if (found := make_refuses(words))] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_module_that_is_run_exists_with_its_options(page: str) -> None:
    for words in shown(page):
        module = of_module(words)
        if module is None:
            continue
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file(), module
        package = ROOT / module.split(".")[0]
        code = "".join(file.read_text() for file in package.rglob("*.py"))
        assert [
            word for word in words if word.startswith("--") and f'"{word.split("=")[0]}"' not in code
        ] == [], words


def paths_in(page: str) -> Iterator[str]:
    """What a page names as a path of the repository: with a known folder in front, or a file at the top."""
    for code in re.findall(r"`([^`\s]+)`", text_of(page)):
        name = code.rstrip("/").split(":")[0]
        if re.search(r"[<>*{}$=()…]|\.\.\.|://", name):
            continue
        first = name.split("/")[0]
        if (first in FOLDERS and "/" in code) or re.fullmatch(
            r"[\w.-]+\.(md|toml|lock)|Makefile|LICENSE", name
        ):
            yield name


@pytest.mark.parametrize("page", PAGES)
def test_every_path_exists(page: str) -> None:
    here = (ROOT / page).parent
    named = [name for name in paths_in(page) if name.split("/")[0] not in MADE]
    assert [name for name in named if not (ROOT / name).exists() and not (here / name).exists()] == []


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page: str) -> None:
    here = ROOT / page
    broken = []
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)", text_of(page)):
        target = here if not path else (here.parent / path).resolve()
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(f"{path}#{anchor}")
    assert broken == []


def test_readme_is_short() -> None:
    assert len(text_of("README.md").splitlines()) < 150


def test_every_parameter_has_its_default_on_its_page() -> None:
    parameters = yaml_parse(text_of("template.yaml"))["Parameters"]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", text_of("docs/parameters.md"), re.MULTILINE))
    assert rows.keys() == parameters.keys()
    for name, parameter in parameters.items():
        default = str(parameter.get("Default", ""))
        assert rows[name].startswith(f"`{default}`" if default else "empty"), name


def test_every_command_has_a_row_on_its_page() -> None:
    rows = re.findall(r"^\| `scones ([a-z-]+)` \|", text_of("docs/commands.md"), re.MULTILINE)
    assert sorted(rows) == sorted(COMMANDS)


def test_the_workflow_is_drawn_from_its_definition() -> None:
    for path, text in drawn(ROOT).items():
        assert (ROOT / path).read_text() == text, "make docs"


def test_every_module_that_holds_a_rule_exists() -> None:
    section = text_of("docs/architecture.md").split("## Where each rule lives")[1].split("\n## ")[0]
    modules = re.findall(r"`(serialize|classify|filter|sweep)\.([a-z_]+)`", section)
    assert len(modules) > 8
    assert [
        f"{function}.{module}"
        for function, module in modules
        if not list((ROOT / "functions" / function).rglob(f"{module}.py"))
    ] == []


def test_decisions_are_numbered_listed_and_short() -> None:
    files = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
    listed = re.findall(r"^\| \[(\d+)\]\((.*?)\)", text_of("docs/decisions/README.md"), re.MULTILINE)
    assert [name for _, name in listed] == [file.name for file in files]
    for (number, name), file in zip(listed, files, strict=True):
        text = file.read_text()
        assert text.startswith(f"# {number}. ")
        assert name.startswith(f"{int(number):04}-")
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
            "Context",
            "Decision",
            "Consequences",
            "Measured",
        ]
        assert 25 <= len(text.splitlines()) <= 50
