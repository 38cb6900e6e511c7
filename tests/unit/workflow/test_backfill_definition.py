"""What the backfill's definition promises, read from the file."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cfnlint.data.schemas.other import step_functions
from samcli.yamlhelper import yaml_parse

MAPS = ("Images below the prefix", "Images of the inventory")


@pytest.fixture(scope="module")
def definition(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "statemachine" / "backfill.asl.json").read_text()))


def test_both_sources_are_handled_alike(definition: dict[str, Any]) -> None:
    prefix, inventory = (definition["States"][name] for name in MAPS)
    own = {"Comment", "Label", "ItemReader", "ItemSelector"}
    assert {name: value for name, value in prefix.items() if name not in own} == {
        name: value for name, value in inventory.items() if name not in own
    }
    assert (prefix["ItemSelector"]["encoded"], inventory["ItemSelector"]["encoded"]) == (False, True)


@pytest.mark.parametrize("name", MAPS)
def test_children_are_express_bounded_and_their_failures_tolerated_by_share(
    definition: dict[str, Any], name: str
) -> None:
    state = definition["States"][name]
    assert state["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS"}
    assert state["MaxConcurrencyPath"] == "$.max_concurrency"
    assert state["ToleratedFailurePercentagePath"] == "$.tolerated_failure_percentage"
    assert state["ResultWriter"]["Resource"] == "arn:aws:states:::s3:putObject"


def test_the_definition_holds_to_the_published_schema(definition: dict[str, Any]) -> None:
    schema = json.loads(Path(step_functions.__file__).with_name("statemachine.json").read_text())
    jsonschema.validate(definition, schema)


def test_images_go_through_the_one_definition_of_the_workflow(root: Path) -> None:
    resources = yaml_parse((root / "template.yaml").read_text())["Resources"]
    event, twin = (resources[name]["Properties"] for name in ("ClassifyImage", "ClassifyImageExpress"))
    assert event["DefinitionUri"] == twin["DefinitionUri"] == "statemachine/classify_image.asl.json"
    assert event["Role"] == twin["Role"]
    ours, theirs = event["DefinitionSubstitutions"], twin["DefinitionSubstitutions"]
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"ClaimSeconds"}
    assert twin["Type"] == "EXPRESS"
