"""Rules that the tests themselves keep, so that any of them can be moved, run alone, in parallel or in random order."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

CLOUDS = ("tests.local_cloud.cloud", "tests.local_cloud.shell", "tests.workflow.harness")


def imported(text: str) -> Iterator[str]:
    """Yield every module of tests/ that a source imports, and every name that may be one."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names if name.name.startswith("tests."))
            case ast.ImportFrom(module=str(module), names=names) if module.split(".")[0] == "tests":
                yield module
                yield from (f"{module}.{name.name}" for name in names)


def is_test(module: str) -> bool:
    """Whether a module of tests/ holds tests or fixtures, which belong to pytest."""
    return any(part == "conftest" or part.startswith("test_") for part in module.split("."))


def needs_a_cloud(text: str) -> bool:
    """Whether a module of tests starts a local cloud, or uses an emulated AWS that a fixture starts."""
    return not set(CLOUDS).isdisjoint(imported(text)) or "emulated_aws" in text


def is_marked(text: str) -> bool:
    """Whether a module marks all its tests, or one of them, as tests of a local cloud."""
    return "pytest.mark.local_cloud" in text


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("from tests.unit.test_a import b", True),
        ("from tests.unit import test_a", True),
        ("import tests.unit.conftest", True),
        ("def f():\n    from tests.conftest import ROOT", True),
        ("from tests.support import ROOT", False),
        ("from endpoint import test_a", False),
    ],
)
def test_an_import_is_seen_wherever_it_stands(line: str, wrong: bool) -> None:
    assert any(map(is_test, imported(line))) is wrong


def test_no_module_imports_tests_or_a_conftest(root: Path) -> None:
    """Two modules that share something share a third, which says what it is."""
    found = {
        f"{path.relative_to(root)} imports {module}"
        for path in root.joinpath("tests").rglob("*.py")
        for module in imported(path.read_text())
        if is_test(module)
    }
    assert found == set()


def test_tests_of_a_cloud_are_marked(root: Path) -> None:
    """Unmarked, they would run beside others, and miss their deadlines on a small machine."""
    found = {
        str(path.relative_to(root))
        for path in root.joinpath("tests").rglob("test_*.py")
        if path.name != Path(__file__).name
        and needs_a_cloud(path.read_text())
        and not is_marked(path.read_text())
    }
    assert found == set()


def test_make_looks_for_tests_of_a_cloud_where_they_are(root: Path) -> None:
    """`make test` names folders for its second run; a test of a cloud elsewhere would run in neither."""
    (line,) = (
        line for line in root.joinpath("Makefile").read_text().splitlines() if line.startswith("CLOUDS :=")
    )
    folders = [root / word for word in line.split() if word.startswith("tests/")]
    outside = {
        str(path.relative_to(root))
        for path in root.joinpath("tests").rglob("test_*.py")
        if path.name != Path(__file__).name
        and is_marked(path.read_text())
        and not any(path.is_relative_to(folder) for folder in folders)
    }
    assert outside == set()
    assert [folder for folder in folders if not folder.is_dir()] == []


UNSEEDED = re.compile(r"effect_noise\(|default_rng\(\)|\bRandom\(\)|urandom\(")
OF_THE_MODULE = re.compile(
    r"\brandom\.(random|randint|randrange|choices?|sample|shuffle|uniform|gauss|randbytes)\("
)


def unseeded(text: str) -> list[str]:
    """Return the lines of a source that draw by chance, another way each time."""
    is_module = re.search(
        r"^\s*import random$", text, re.MULTILINE
    )  # else `random` may be a seeded generator
    return [
        line.strip()
        for line in text.splitlines()
        if UNSEEDED.search(line) or (is_module and OF_THE_MODULE.search(line))
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Image.effect_noise((9, 9), 4)", 1),
        ("import random\nrandom.shuffle(keys)\nrandom.random()", 2),
        ("numpy.random.default_rng()", 1),
        ("Random()", 1),
        ("import random\nrandom.Random(7).shuffle(keys)", 0),
        ("random = default_rng(7)\nrandom.random(9)", 0),
    ],
)
def test_chance_without_a_seed_is_seen(text: str, found: int) -> None:
    assert len(unseeded(text)) == found


def test_inputs_are_the_same_in_every_run(root: Path) -> None:
    """A test that fails for one draw of many fails in somebody else's change, and not again."""
    found = {
        f"{path.relative_to(root)}: {line}"
        for folder in ("unit", "fakes", "workflow", "static")
        for path in root.joinpath("tests", folder).rglob("*.py")
        if path.name != Path(__file__).name
        for line in unseeded(path.read_text())
    }
    assert found == set()


def test_properties_are_the_same_in_every_run_and_have_no_clock_against_them() -> None:
    assert (settings().derandomize, settings().deadline, settings().database) == (True, None, None)


CLOCKS = re.compile(r"\b(datetime\.(now|today|utcnow)|date\.today|time\.(time|time_ns|monotonic)|uuid4)$")


def evaluated(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes that are evaluated with an expression: all but what a lambda does later."""
    yield node
    for child in ast.iter_child_nodes(node):
        if not (isinstance(node, ast.Lambda) and child is node.body):
            yield from evaluated(child)


def parameters_of_now(text: str) -> set[str]:
    """Return the calls in a module's decorators that read a clock, themselves or in a function of the module."""
    module = ast.parse(text)
    bodies = {node.name: node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}

    def called(node: ast.AST) -> set[str]:
        return {ast.unparse(one.func) for one in ast.walk(node) if isinstance(one, ast.Call)}

    reads = {name for name, body in bodies.items() if any(map(CLOCKS.search, called(body)))}
    while more := {name for name, body in bodies.items() if called(body) & reads} - reads:
        reads |= more
    return {
        ast.unparse(call)
        for body in bodies.values()
        for decorator in body.decorator_list
        for call in evaluated(decorator)
        if isinstance(call, ast.Call)
        and (CLOCKS.search(ast.unparse(call.func)) or ast.unparse(call.func) in reads)
    }


OF_NOW = """
def ago(minutes):
    return str(datetime.now(UTC) - timedelta(minutes=minutes))

@pytest.mark.parametrize("at", [{}])
def test_it(at): ...
"""


@pytest.mark.parametrize(
    ("values", "wrong"),
    [("ago(49)", True), ("str(time.time())", True), ("partial(ago, 49)", False), ("lambda: ago(49)", False)],
)
def test_a_parameter_of_now_is_seen(values: str, wrong: bool) -> None:
    assert bool(parameters_of_now(OF_NOW.format(values))) is wrong


def test_no_parameter_is_of_the_time_of_import(root: Path) -> None:
    """Workers of xdist would collect different tests, and by the time that a test runs, its "now" is minutes old."""
    found = {
        f"{path.relative_to(root)}: {call}"
        for path in root.joinpath("tests").rglob("*.py")
        for call in parameters_of_now(path.read_text())
    }
    assert found == set()


SECONDS = re.compile(
    r"(?:\.(?:wait|join)\((?:timeout=)?|\btimeout(?:_s)?=|monotonic\(\) \+ |monotonic\(\) - .* < )(\d+)\b(?!\.\d)"
)


def test_what_is_waited_for_has_time_on_a_busy_machine(root: Path) -> None:
    """A limit is for what never happens; one of a few seconds fails where eight others compile something."""
    found = {
        f"{path.relative_to(root)}: {line.strip()}"
        for path in root.joinpath("tests").rglob("*.py")
        if path.name != Path(__file__).name
        for line in path.read_text().splitlines()
        if any(0 < int(seconds) < 15 for seconds in SECONDS.findall(line))
    }
    assert found == set()


def test_expressions_have_no_clock_against_them(root: Path) -> None:
    """MiniStack ends an expression after a second of wall clock, in which a busy machine may stand still."""
    evaluating = ("_evaluate_jsonata", "tests.unit.workflow.decided")
    found = {
        str(path.relative_to(root))
        for path in root.joinpath("tests", "unit").rglob("test_*.py")
        if path.name not in {Path(__file__).name, "test_expressions.py"}
        and any(word in path.read_text() for word in evaluating)
        and "expressions_without_a_clock" not in path.read_text()
    }
    assert found == set()
