"""An image's execution ends the same in LocalStack's workflow engine as in MiniStack's.

Both run the same definition with the same scripted answers of services: each outcome, the Catch of each Task state, and
uploads with hostile names. They must visit the same states, ask services for the same, and end with the same output.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.judges import decisions, hostile, paths
from tests.judges.canonical import canonical
from tests.judges.emulated import FROZEN, run
from tests.judges.node import INSTALLED, PACKAGES, missing
from tests.judges.scenario import Scenario, machines
from tests.static.definitions import FOLDER

PYTHON = INSTALLED / "localstack" / "bin" / "python"
ENGINE = FOLDER.parent / "tests" / "judges" / "localstack_engine.py"


def absent() -> str | None:
    if (INSTALLED / "localstack" / ".ready").is_file():
        return missing()
    return "LocalStack's workflow engine is not installed; `make judges` installs it"


pytestmark = [pytest.mark.judge, pytest.mark.skipif(absent() is not None, reason=str(absent()))]


def explained(scenario: Scenario) -> bool:
    """LocalStack's mocks cannot leave out the cause of an error."""
    throws = [
        answer["Throw"] for answers in scenario.answers.values() for answer in answers if "Throw" in answer
    ]
    return all("Cause" in thrown for thrown in throws)


CATCHES = [*paths.catches(), *decisions.catches()]
ALL = [*paths.outcomes(), *decisions.outcomes(), *CATCHES, *hostile.uploads()]
SCENARIOS = [one for one in ALL if explained(one)]


@pytest.fixture(scope="module")
def theirs() -> dict[str, dict[str, Any]]:
    """What LocalStack's engine made of each scenario."""
    document = {
        "frozen": FROZEN,
        "scenarios": [
            {
                "name": one.name,
                "definition": machines()[one.machine],
                "input": one.input,
                "answers": one.answers,
            }
            for one in SCENARIOS
        ],
    }
    ended = subprocess.run(
        [str(PYTHON), str(ENGINE)],
        input=json.dumps(document),
        env=os.environ | {"NODE_PATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return dict(zip((one.name for one in SCENARIOS), json.loads(ended.stdout), strict=True))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_both_engines_end_alike(scenario: Scenario, theirs: dict[str, dict[str, Any]]) -> None:
    ours, other = run(scenario), theirs[scenario.name]
    assert other["visited"] == ours.visited, other["cause"]
    assert (other["status"], other["output"], other["error"]) == (ours.status, ours.output, ours.error)
    assert [canonical(one) for one in other["asked"]] == [canonical(list(one)) for one in ours.asked]


@pytest.mark.parametrize("scenario", CATCHES, ids=lambda one: one.name)
def test_a_catch_is_reached_by_its_scenario(scenario: Scenario) -> None:
    """Else the comparison above would say nothing about a new Task state: give it a way in the `WAYS` of its module."""
    ended = run(scenario)
    state = paths.caught_in(scenario)
    assert state in ended.visited
    assert ended.visited[-1] != state


@pytest.mark.parametrize("machine", [paths.WORKFLOW, decisions.MACHINE])
def test_every_state_of_the_workflow_is_visited(machine: str) -> None:
    visited = {state for one in SCENARIOS if one.machine == machine for state in run(one).visited}
    assert set(machines()[machine]["States"]) - visited == set()


@pytest.mark.parametrize(("outcome", "states"), [("passed", 7), ("review", 9)])
def test_an_image_costs_as_many_states_as_promised(
    outcome: str, states: int, theirs: dict[str, dict[str, Any]]
) -> None:
    assert len(theirs[outcome]["visited"]) <= states
