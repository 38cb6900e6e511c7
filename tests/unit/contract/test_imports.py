"""Arrows between modules go one way, and a name stands for one thing: read from the sources, nothing is imported."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

from scones.cli import COMMANDS

PACKAGES: Final = ("scones", "endpoint", "training")
BETWEEN_PACKAGES: Final = {
    ("scones", "training"): "the console's drift is that of the monitoring",
    ("training", "endpoint"): "evaluates with the predictor that it ships",
    (
        "scones",
        "endpoint",
    ): "`scones up` reads the labels and the input size of the model; previews are decoded as the endpoint decodes",
}
BETWEEN_COMMANDS: Final = {
    ("console", "graph"): "draws the path of an image's execution",
    ("console", "why"): "lists the versions of an image",
    ("console", "redrive"): "starts failed images again, one or all",
    ("console", "status"): "shows the same numbers",
    ("console", "sweep"): "runs the sweep",
    ("console", "backfill"): "shows the backfills",
    ("review", "console"): "shows pictures that the console's child processes have decoded",
    ("review", "why"): "takes a key as `scones why` does, and lists its versions",
    ("verify", "drop"): "drops its samples as `scones drop` does: what people use is what is verified",
    ("what_if", "local"): "serves a candidate with the endpoint's server, as `scones up` serves a model",
    ("what_if", "doctor"): "believes the answers that Classify would believe",
    ("show", "why"): "tells the same evidence, all of it",
    ("show", "graph"): "tells the path that `scones graph` draws",
}
SAME_BASENAME: Final = {
    "__init__.py": "what the package is for",
    "command.py": "the command line of the folder's command",
    "run.py": "the steps of the folder's command",
}
SAME_CLASS: Final[dict[str, str]] = {}
ENTRY: Final = frozenset({"cli", "__main__"})

type Graph = Mapping[str, frozenset[str]]


def module_name(file: Path, root: Path) -> str:
    parts = file.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (module, name) of each import, wherever it stands; the name is empty for `import module`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((one.name, "") for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, one.name) for one in node.names)


def read_graph(root: Path, package: str) -> Graph:
    """Return what each module of a package imports: modules of the project, else the name as written."""
    files = {module_name(file, root): file for file in sorted((root / package).rglob("*.py"))}
    found = {}
    for name, file in files.items():
        targets = set()
        for module, attribute in imported(ast.parse(file.read_text(encoding="utf-8"))):
            inner = f"{module}.{attribute}"
            targets.add(inner if inner in files else module)
        found[name] = frozenset(targets - {name})
    return found


def part_of(module: str) -> str:
    """Return the command, the shared module or the folder of `scones` that a module belongs to."""
    return module.split(".")[1] if "." in module else ""


def arrows_up(graph: Graph, commands: frozenset[str]) -> list[str]:
    """Return the imports of a command by what is shared, and of another command by a command."""
    return [
        f"{module} -> {target}"
        for module, targets in graph.items()
        for target in targets
        if target.startswith("scones.")
        and part_of(target) in commands
        and part_of(module) != part_of(target)
        and (part_of(module), part_of(target)) not in BETWEEN_COMMANDS
    ]


def cycles(graph: Graph) -> list[str]:
    """Return a cycle of imports, if there is one."""
    inner = {module: targets & graph.keys() for module, targets in graph.items()}
    try:
        TopologicalSorter(inner).prepare()
    except CycleError as error:
        return [" -> ".join(error.args[1])]
    return []


def twice(root: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the basenames and the class names of a folder that stand in several places."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    classes: defaultdict[str, list[str]] = defaultdict(list)
    for file in sorted(root.rglob("*.py")):
        place = str(file.relative_to(root))
        names[file.name].append(place)
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(place)
    several = [{name: places for name, places in one.items() if len(places) > 1} for one in (names, classes)]
    return several[0], several[1]


@pytest.fixture(scope="module")
def graph(root: Path) -> Graph:
    return read_graph(root, "scones")


@pytest.fixture(scope="module")
def commands() -> frozenset[str]:
    return frozenset(part_of(lazy.target.partition(":")[0]) for lazy in COMMANDS.values())


def test_what_is_shared_imports_no_command_and_no_command_another(
    graph: Graph, commands: frozenset[str]
) -> None:
    assert arrows_up(graph, commands) == []


def test_every_exception_is_used(graph: Graph) -> None:
    arrows = {(part_of(module), part_of(target)) for module, targets in graph.items() for target in targets}
    assert set(BETWEEN_COMMANDS) <= arrows


def test_the_command_line_imports_commands_by_name_only(graph: Graph, commands: frozenset[str]) -> None:
    for module in ENTRY:
        assert not {part_of(target) for target in graph[f"scones.{module}"]} & commands


def test_patches_of_the_emulator_know_nothing_of_the_product(graph: Graph) -> None:
    patches = "scones.local.ministack"
    outside = {
        module: sorted(
            one for one in targets if one.split(".")[0] in PACKAGES and not one.startswith(patches)
        )
        for module, targets in graph.items()
        if module.startswith(patches)
    }
    assert {module: targets for module, targets in outside.items() if targets} == {}


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_do_not_import_each_other(root: Path, package: str) -> None:
    outside = {
        f"{module} -> {target}"
        for module, targets in read_graph(root, package).items()
        for target in targets
        if (other := target.split(".")[0]) in {*PACKAGES, "functions"}
        and other != package
        and (package, other) not in BETWEEN_PACKAGES
    }
    assert outside == set()


def test_a_function_imports_itself_alone(root: Path) -> None:
    functions = {folder.name for folder in (root / "functions").iterdir() if folder.is_dir()}
    outside = {
        f"{module} -> {target}"
        for function in functions
        for module, targets in read_graph(root / "functions", function).items()
        for target in targets
        if target.split(".")[0] in (functions | {*PACKAGES}) - {function}
    }
    assert outside == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_needs_itself(root: Path, package: str) -> None:
    assert cycles(read_graph(root, package)) == []


def test_a_basename_and_a_class_name_stand_for_one_thing(root: Path) -> None:
    basenames, classes = twice(root / "scones")
    assert {name: places for name, places in basenames.items() if name not in SAME_BASENAME} == {}
    assert {name: places for name, places in classes.items() if name not in SAME_CLASS} == {}
    assert SAME_BASENAME.keys() <= basenames.keys()
    assert SAME_CLASS.keys() <= classes.keys()


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("pace.py", "from scones.drop.run import Drop"),
        ("pace.py", "def late():\n    from scones.drop import run"),
        ("status.py", "import scones.drop.run"),
        (
            "drop/run.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from scones.status import Status",
        ),
    ],
)
def test_an_arrow_that_goes_up_is_found(tmp_path: Path, module: str, text: str) -> None:
    for name in ("pace.py", "status.py", "drop/run.py"):
        (tmp_path / "scones" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scones" / name).write_text(text if name == module else "")
    assert len(arrows_up(read_graph(tmp_path, "scones"), frozenset({"drop", "status"}))) == 1


def test_a_cycle_and_a_second_name_are_found(tmp_path: Path) -> None:
    for name, text in {
        "a.py": "from scones import b\nclass Run: ...",
        "b.py": "from scones.c.run import Run",
        "c/run.py": "import scones.a\nclass Run: ...",
        "d/run.py": "",
    }.items():
        (tmp_path / "scones" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "scones" / name).write_text(text)
    assert len(cycles(read_graph(tmp_path, "scones"))) == 1
    assert twice(tmp_path / "scones") == ({"run.py": ["c/run.py", "d/run.py"]}, {"Run": ["a.py", "c/run.py"]})
