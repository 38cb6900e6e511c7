"""The definitions are valid to asl-validator and to cfn-lint, as they stand and as they are deployed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.judges.node import needs_node, run_script
from tests.static.definitions import FILES, MACHINES, filled, text_of, with_definitions_inline

pytestmark = pytest.mark.judge


@needs_node
def test_asl_validator_finds_nothing() -> None:
    definitions = {file: {"definition": json.loads(text_of(file)), "filled": False} for file in FILES}
    definitions |= {machine: {"definition": filled(machine), "filled": True} for machine in MACHINES}
    found = run_script("asl_validator.cjs", definitions)
    assert found == {name: [] for name in definitions}


@needs_node
def test_asl_validator_sees_a_name_that_stands_twice() -> None:
    inner = {"StartAt": "One", "States": {"One": {"Type": "Succeed"}}}
    twice = {
        "StartAt": "One",
        "States": {
            "One": {"Type": "Pass", "Next": "Two"},
            "Two": {"Type": "Map", "ItemProcessor": inner, "End": True},
        },
    }
    (finding,) = run_script("asl_validator.cjs", {"twice": {"definition": twice, "filled": True}})["twice"]
    assert finding == "DUPLICATE_STATE_NAMES: A state with this name already exists: One"


@pytest.fixture(scope="module")
def cfn_lint_findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What cfn-lint finds in the template, and in one whose workflows start nowhere.

    Not W2001 and W8001: a parameter or condition that only a substitution uses. Nor W3002: SAM packages the path of
    the nested stack. Nor W3011: the template says why functions have one of the two policies, and SAM hands it on to
    their aliases without the exemption.
    """
    folder = tmp_path_factory.mktemp("templates")
    ours, broken = with_definitions_inline(), with_definitions_inline()
    for name in MACHINES:
        broken["Resources"][name]["Properties"]["Definition"]["StartAt"] = "Nowhere"
    files = {"ours": folder / "ours.json", "broken": folder / "broken.json"}
    for name, template in [("ours", ours), ("broken", broken)]:
        files[name].write_text(json.dumps(template))
    command = [str(Path(sys.executable).with_name("cfn-lint")), "--format", "json"]
    command += ["--ignore-checks", "W2001", "W8001", "W3002", "W3011", "--", *map(str, files.values())]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    findings = json.loads(ended.stdout)
    return {
        name: [found for found in findings if found["Filename"] == str(path)] for name, path in files.items()
    }


def test_cfn_lint_finds_nothing_with_the_definitions_inline(
    cfn_lint_findings: dict[str, list[dict[str, Any]]],
) -> None:
    assert cfn_lint_findings["ours"] == []


def test_cfn_lint_looks_into_the_definitions(cfn_lint_findings: dict[str, list[dict[str, Any]]]) -> None:
    found = cfn_lint_findings["broken"]
    assert {(finding["Rule"]["Id"], finding["Location"]["Path"][1]) for finding in found} == {
        ("E3601", name) for name in MACHINES
    }
