"""Every table with a row for each outcome has all of them, so that a new one is forgotten nowhere."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from scones.cost.bill import CALLS, STATES
from scones.cost.consumption import COUNTED
from scones.result_documents import Outcome
from scones.terminal import STYLES
from tests.static import who_may
from training.monitoring import records

if TYPE_CHECKING:
    from pathlib import Path

OF_THE_WORKFLOW = set(Outcome) - {Outcome.REVIEWED}  # that one is a person's


def test_colours_are_of_all_outcomes(root: Path) -> None:
    sheet = (root / "scones" / "console" / "static" / "console.css").read_text()
    assert set(STYLES) == set(Outcome)
    assert [one for one in Outcome if f".is-{one} {{" not in sheet or f"--{one}:" not in sheet] == []


def test_what_an_outcome_costs_is_known_of_all_that_the_workflow_gives() -> None:
    assert set(STATES) == set(CALLS) == set(COUNTED) == OF_THE_WORKFLOW


def test_the_dashboard_counts_all_that_the_workflow_gives(root: Path) -> None:
    board = (root / "monitoring" / "template.yaml").read_text()
    missing = [name for name, service in COUNTED.values() if f'"{name}", "service", "{service}"' not in board]
    assert missing == []


def test_the_workflow_may_store_results_of_all_that_it_gives(root: Path) -> None:
    """An outcome that is left out of both would pass every other test, and be refused in an account."""
    (statement,) = [
        line for line in (root / "template.yaml").read_text().split("- {") if "Sid: StoreResults," in line
    ]
    assert set(re.findall(r"ResultsBucket\.Arn\}/(\w+)/\*", statement)) == OF_THE_WORKFLOW
    assert set(who_may.OUTCOMES) == OF_THE_WORKFLOW


def test_the_contracts_name_all_outcomes(root: Path) -> None:
    contracts = root / "docs" / "contracts"
    result, claim = (
        json.loads((contracts / f"{name}.schema.json").read_text()) for name in ("result", "claim")
    )
    assert set(result["properties"]["outcome"]["enum"]) == set(Outcome)
    said = claim["properties"]["outcome"]["description"].partition(".")[0]
    assert set(re.split(r", | or ", said)) == set(Outcome)


def test_monitoring_knows_all_outcomes() -> None:
    assert {*records._OUTCOMES, records._REVIEWED} == set(Outcome)
