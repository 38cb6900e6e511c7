"""`scones graph`: what is read from a definition, where it is placed, and what the pictures say."""

from __future__ import annotations

import itertools
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.graph.command import DEFINITION
from scones.graph.definition import Kind, Workflow
from scones.graph.execution import Path as Taken
from scones.graph.execution import Visit, visits_of
from scones.graph.layout import lay_out
from scones.graph.mermaid import draw_mermaid
from scones.graph.svg import draw_svg

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.scones.fake_stack import Scones

SVG = "{http://www.w3.org/2000/svg}"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture(scope="module")
def definition(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "statemachine" / "classify_image.asl.json").read_text()))


@pytest.fixture(scope="module")
def workflow(definition: dict[str, Any]) -> Workflow:
    return Workflow.parse(definition)


def path_over(*names: str) -> Taken:
    return Taken("anna", "succeeded", [Visit(name, NOW, NOW + timedelta(seconds=0.25), 1) for name in names])


def test_every_state_and_every_way_of_the_definition_is_read(
    definition: dict[str, Any], workflow: Workflow
) -> None:
    assert list(workflow.states) == list(definition["States"])
    expected = set()
    for name, state in definition["States"].items():
        targets = [state.get("Next"), state.get("Default")]
        targets += [one["Next"] for part in ("Choices", "Catch") for one in state.get(part, ())]
        expected |= {(name, target) for target in targets if target}
    assert {(way.source, way.target) for way in workflow.ways} == expected


def test_errors_that_go_to_the_common_fallback_are_marked_and_not_drawn(workflow: Workflow) -> None:
    tasks = {name for name, state in workflow.states.items() if state.type == "Task"}
    assert workflow.fallback == "Explain failure"
    assert workflow.guarded == tasks - {"Count failure", "Park claim", "Hold image"}
    assert all(way.target != "Explain failure" for way in workflow.drawn_ways)
    assert {(way.source, way.target) for way in workflow.drawn_ways if way.kind is Kind.CATCH} == {
        ("Claim image", "Excluded?"),
        ("Close claim", "Taken over"),
        ("Classify", "Park claim"),
        ("Park claim", "Taken over"),
    }


def test_a_way_leads_down_and_no_two_states_overlap(workflow: Workflow) -> None:
    arcs = [(way.source, way.target) for way in workflow.drawn_ways]
    layout = lay_out(list(workflow.states), workflow.start, arcs, lambda _node: 100)
    assert all(layout.centres[one][1] < layout.centres[other][1] for one, other in arcs)
    places = sorted((y, x) for x, y in layout.centres.values())
    assert all(one[0] != other[0] or other[1] - one[1] >= 99.9 for one, other in itertools.pairwise(places))
    assert all(50 <= x <= layout.width - 50 and 0 < y < layout.height for x, y in layout.centres.values())


def test_circles_and_states_that_nothing_leads_to_are_placed_too() -> None:
    arcs = [("a", "b"), ("b", "c"), ("c", "a"), ("x", "y"), ("y", "c"), ("b", "b")]
    layout = lay_out(["a", "b", "c", "x", "y"], "a", arcs, lambda _node: 10)
    depth = {name: y for name, (_, y) in layout.centres.items()}
    assert depth["a"] < depth["b"] < depth["c"]
    assert (depth["x"], depth["y"]) == (depth["a"], depth["b"])
    assert ("c", "a") not in layout.bends


def test_the_picture_has_every_state_and_says_all_of_it_in_words(workflow: Workflow) -> None:
    picture = ET.fromstring(draw_svg(workflow))  # noqa: S314 (our own)
    texts = {text.text or "" for text in picture.iter(f"{SVG}text")}
    description = picture.findtext(f"{SVG}desc") or ""
    for name in workflow.states:
        assert {name, f"✓ {name}", f"✕ {name}"} & texts
        assert f"{name}: " in description
    assert (
        len(list(picture.iter(f"{SVG}path"))) == len(workflow.drawn_ways) + 1 + 2
    )  # the fallback's, the heads
    assert picture.get("role") == "img"
    assert picture.findtext(f"{SVG}title") == "The workflow"


def test_nothing_leaves_the_picture(workflow: Workflow) -> None:
    picture = ET.fromstring(draw_svg(workflow, path_over(*workflow.states)))  # noqa: S314 (our own)
    width = float(picture.get("width", 0)) - 2 * 24
    for box in picture.iter(f"{SVG}rect"):
        if "box" in box.get("class", ""):
            assert 0 <= float(box.get("x", -1)) <= width - float(box.get("width", 0))
    for label in picture.iter(f"{SVG}text"):
        if label.get("class") == "label":
            half = len(label.text or "") * 5.6 / 2
            assert half <= float(label.get("x", -1)) + 0.1
            assert float(label.get("x", -1)) + half <= width + 0.1


def test_every_class_has_a_colour_for_dark_pages(workflow: Workflow) -> None:
    light, dark = draw_svg(workflow).split("@media (prefers-color-scheme: dark)")
    coloured = re.compile(r"^ +(\.[\w-]+(?:[ ,]+\.[\w-]+)*) \{.*?(?:fill|stroke): #", re.MULTILINE)
    named = {one for group in coloured.findall(light) for one in group.split(", ")}
    assert len(named) > 10
    assert named <= {
        one for group in coloured.findall(dark.split("</style>")[0]) for one in group.split(", ")
    }


def test_a_path_is_numbered_timed_and_thick(workflow: Workflow) -> None:
    taken = path_over("Claim image", "Serialize image", "Explain failure", "What is left to do?")
    taken.visits[1].tries = 4
    picture = draw_svg(workflow, taken)
    assert picture.count('class="visited"') == 4
    assert picture.count(' taken"') == 3
    assert "4 tries, 0.25 s" in picture
    assert "2. Serialize image: 4 tries, 0.25 s; 3. Explain failure: 0.25 s" in picture
    flowchart = draw_mermaid(workflow, taken)
    assert "Serialize image (!)<br>Lambda invoke<br>2: 4 tries, 0.25 s" in flowchart
    assert re.search(r"^  class s0,s4,s10,s11 visited$", flowchart, re.MULTILINE)


def test_a_flowchart_has_one_node_a_state_and_one_arrow_a_way(workflow: Workflow) -> None:
    lines = draw_mermaid(workflow).splitlines()
    assert lines[0] == "flowchart TD"
    assert sum(bool(re.match(r"  s\d+[\[({]", line)) for line in lines) == len(workflow.states)
    assert sum(bool(re.match(r"  s\d+ -", line)) for line in lines) == len(workflow.drawn_ways)
    assert not [
        line for line in lines[2:] if re.search(r"[<>`&#]", re.sub(r"<br>|-->|-\.->|#\d+;", "", line))
    ]


def test_text_that_mermaid_or_xml_would_read_as_its_own_is_escaped() -> None:
    workflow = Workflow.parse(
        {
            "Comment": 'a "quote"\nand <markup> & more',
            "StartAt": 'a "b" <c>',
            "States": {
                'a "b" <c>': {
                    "Type": "Choice",
                    "Choices": [{"Condition": "{% $x < 1 & `y` %}", "Next": "d"}],
                    "Default": "d",
                },
                "d": {"Type": "Succeed"},
            },
        }
    )
    flowchart = draw_mermaid(workflow)
    assert '{{"a #34;b#34; #60;c#62;"}}' in flowchart
    assert '|"x #60; 1 #38; #96;y#96;, or otherwise"|' in flowchart
    assert 'accDescr: a "quote" and <markup> & more\n' in flowchart
    ET.fromstring(draw_svg(workflow, path_over('a "b" <c>', "d")))  # noqa: S314 (our own)


def event(kind: str, seconds: float, **details: Any) -> Any:
    return {"type": kind, "timestamp": NOW + timedelta(seconds=seconds), **details}


def test_a_history_is_read_as_visits_with_times_and_tries() -> None:
    events = [
        event("ExecutionStarted", 0),
        event("TaskStateEntered", 1, stateEnteredEventDetails={"name": "a"}),
        event("TaskScheduled", 1),
        event("TaskFailed", 2),
        event("LambdaFunctionScheduled", 3),
        event("TaskStateExited", 63, stateExitedEventDetails={"name": "a"}),
        event("ChoiceStateEntered", 63, stateEnteredEventDetails={"name": "b"}),
        event("ChoiceStateExited", 63.5, stateExitedEventDetails={"name": "b"}),
        event("FailStateEntered", 64, stateEnteredEventDetails={"name": "c"}),
        event("ExecutionFailed", 7264),
    ]
    visits = visits_of(events)
    assert [(visit.state, visit.text) for visit in visits] == [
        ("a", "2 tries, 1 min"),
        ("b", "0.50 s"),
        ("c", "2.0 h"),
    ]
    assert [visit.text for visit in visits_of(events[:3])] == ["running"]


def test_the_command_prints_the_file_of_the_checkout(
    root: Path, monkeypatch: pytest.MonkeyPatch, workflow: Workflow
) -> None:
    monkeypatch.chdir(root / "docs")
    assert CliRunner().invoke(main, ["graph"]).stdout == draw_mermaid(workflow)
    assert CliRunner().invoke(main, ["graph", "--svg"]).stdout == draw_svg(workflow)


def test_a_folder_without_the_definition_is_told_where_to_look(clean_environment: Path) -> None:
    result = CliRunner().invoke(main, ["graph"])
    assert result.exit_code == 2
    assert "--stack" in result.output


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff{}", "it is not UTF-8 (invalid start byte at byte 0)"), (None, "cannot be read: Is a directory")],
)
def test_a_definition_that_cannot_be_read_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    file = tmp_path / DEFINITION
    if content is None:
        file.mkdir(parents=True)
    else:
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    monkeypatch.setattr("scones.graph.command.project_root", lambda: tmp_path)
    result = CliRunner(mix_stderr=False).invoke(main, ["graph"])
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_empty_execution_is_a_usage_error() -> None:
    result = CliRunner(mix_stderr=False).invoke(main, ["graph", "--execution", ""])
    assert result.exit_code == 2
    assert "--execution: an ARN must not be empty" in result.stderr


@pytest.mark.usefixtures("s3")
def test_a_deployed_stack_is_drawn_from_its_own_definition(scones: Scones) -> None:
    result = scones("graph")
    assert (result.exit_code, result.stderr) == (0, "")
    assert 's0(["✓ Done"])' in result.stdout


@pytest.mark.usefixtures("s3")
@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("arn:aws:states:us-east-1:123456789012:express:triage:a:b", "keeps no history"),
        ("arn:aws:states:us-east-1:123456789012:execution:triage:gone", "no execution arn:aws:states"),
    ],
)
def test_an_execution_that_cannot_be_drawn_is_one_line(scones: Scones, arn: str, said: str) -> None:
    result = scones("graph", "--execution", arn)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "definition",
    [{}, {"States": []}, {"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "b"}}}],
)
def test_what_is_not_a_definition_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a workflow definition"):
        Workflow.parse(definition)


class FakeStepFunctions:
    """Step Functions with one execution, whose history comes in two pages."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self.definition = definition
        self.asked: dict[str, Any] = {}

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803 (AWS's name)
        return {"executionArn": executionArn, "status": "FAILED"}

    def describe_state_machine_for_execution(self, *, executionArn: str) -> dict[str, Any]:  # noqa: N803
        return {"definition": json.dumps(self.definition)}

    def get_paginator(self, operation: str) -> Any:
        assert operation == "get_execution_history"
        return self

    def paginate(self, **parameters: Any) -> Any:
        self.asked = parameters
        yield {"events": [event("TaskStateEntered", 0, stateEnteredEventDetails={"name": "Claim image"})]}
        yield {"events": [event("TaskScheduled", 0), event("ExecutionFailed", 2)]}


@pytest.mark.usefixtures("s3")
def test_an_execution_is_drawn_on_the_definition_that_it_began_with(
    scones: Scones, definition: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeStepFunctions(definition)
    monkeypatch.setattr("scones.connection.Connection.stepfunctions", lambda _connection: fake)
    arn = "arn:aws:states:us-east-1:123456789012:execution:triage:anna"
    result = scones("graph", "--execution", arn, "--svg")
    assert (result.exit_code, result.stderr) == (0, "")
    assert '<title id="title">The path of execution anna, failed</title>' in result.stdout
    assert "1. Claim image: 2.00 s</desc>" in result.stdout
    assert fake.asked == {"executionArn": arn, "includeExecutionData": False}  # outputs hold the image
