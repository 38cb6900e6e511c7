"""What the backfill's definition promises, read from the file."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cfnlint.data.schemas.other import step_functions
from ministack.services import stepfunctions

from tools.transformed import template

pytestmark = pytest.mark.usefixtures("expressions_without_a_clock")

MAPS = ("Images below the prefix", "Images of the inventory")


@pytest.fixture(scope="module")
def definition(root: Path) -> dict[str, Any]:
    return dict(json.loads((root / "statemachine" / "backfill.asl.json").read_text()))


def test_both_sources_are_handled_alike(definition: dict[str, Any]) -> None:
    # State names are unique in the whole machine, so the inventory's have a suffix.
    text = json.dumps(definition["States"]["Images of the inventory"]).replace(" (inventory)", "")
    prefix, inventory = definition["States"]["Images below the prefix"], json.loads(text)
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
    assert state["ResultWriter"]["Resource"] == "arn:${Partition}:states:::s3:putObject"


def test_the_definition_holds_to_the_published_schema(definition: dict[str, Any]) -> None:
    schema = json.loads(Path(step_functions.__file__).with_name("statemachine.json").read_text())
    # The schema knows one partition.
    jsonschema.validate(json.loads(json.dumps(definition).replace("${Partition}", "aws")), schema)


def test_images_go_through_the_one_definition_of_the_workflow() -> None:
    resources = template()["Resources"]
    event, twin = (resources[name]["Properties"] for name in ("ClassifyImage", "ClassifyImageExpress"))
    assert event["DefinitionUri"] == "statemachine/classify_image.asl.json"
    assert twin["DefinitionS3Location"] == "../statemachine/classify_image.asl.json"
    assert event["Role"] == twin["RoleArn"]
    ours, theirs = event["DefinitionSubstitutions"], twin["DefinitionSubstitutions"]
    assert ours.keys() == theirs.keys()
    assert {name for name in ours if ours[name] != theirs[name]} == {"ClaimSeconds", "WaitsFifteenMinutesFor"}
    assert twin["StateMachineType"] == "EXPRESS"


def evaluated(expression: str, item: dict[str, Any], *, encoded: bool) -> Any:
    given = {"bucket": "images", "object": item, "encoded": encoded}
    return stepfunctions._evaluate_jsonata(expression.removeprefix("{%").removesuffix("%}").strip(), given)


def next_state(definition: dict[str, Any], item: dict[str, Any]) -> str:
    states = definition["States"]["Images below the prefix"]["ItemProcessor"]["States"]
    choice = states["To be classified?"]
    for rule in choice["Choices"]:
        if evaluated(rule["Condition"], item, encoded=True):
            return str(rule["Next"])
    return str(choice["Default"])


ROW = {"Bucket": "images", "Key": "incoming/a.jpg", "Size": "12", "ETag": "abc"}


@pytest.mark.parametrize(
    ("item", "state"),
    [
        (ROW, "Classify image"),
        (ROW | {"IsLatest": "true", "IsDeleteMarker": "false"}, "Classify image"),
        ({"Key": "incoming/a.jpg", "Size": 12, "Etag": '"abc"'}, "Classify image"),  # of listObjectsV2
        (ROW | {"Size": "0", "Key": "incoming/folder/"}, "Nothing to classify"),
        (ROW | {"Size": "0", "Key": "incoming/folder%2F"}, "Nothing to classify"),
        ({"Key": "incoming/folder/", "Size": 0, "Etag": '"abc"'}, "Nothing to classify"),
        (ROW | {"Size": "0"}, "Classify image"),  # a broken upload: rejected with a reason
        ({"Key": "incoming/a.jpg", "Size": 0, "Etag": '"abc"'}, "Classify image"),
        (ROW | {"Key": "incoming/a/"}, "Classify image"),  # a name like a folder's, but with bytes
        ({"Size": "0", "ETag": "abc"}, "Row without an image"),
        (ROW | {"Size": "", "ETag": "", "IsDeleteMarker": "true"}, "Nothing to classify"),
        (
            ROW | {"Size": "", "ETag": ""},
            "Nothing to classify",
        ),  # a delete marker, flags not in the inventory
        (ROW | {"IsLatest": "false"}, "Nothing to classify"),
        (ROW | {"IsLatest": False}, "Nothing to classify"),
        ({"Bucket": "images", "Key": "incoming/a.jpg"}, "Row without an image"),
        ({"Bucket": "images", "Key": "incoming/a.jpg", "Size": "12"}, "Row without an image"),
        ({"Bucket": "images", "Key": "incoming/a.jpg", "ETag": "abc"}, "Row without an image"),
        (ROW | {"Size": "many"}, "Row without an image"),
        ({}, "Row without an image"),
    ],
)
def test_every_row_is_an_image_or_nothing_or_a_failure_with_a_reason(
    definition: dict[str, Any], item: dict[str, Any], state: str
) -> None:
    assert next_state(definition, item) == state


@pytest.mark.parametrize(
    ("row", "key"),
    [
        # As S3 documents them: URL-encoded.
        ("incoming/a.jpg", "incoming/a.jpg"),
        ("incoming/a+b%2Bc%20d.jpg", "incoming/a b+c d.jpg"),
        ("incoming/%C3%BCn%C3%AF/%E6%97%A5%F0%9F%98%80.jpg", "incoming/ünï/日😀.jpg"),
        ("incoming/100%2525.jpg", "incoming/100%25.jpg"),
        # As they are: what no encoder leaves.
        ("incoming/a b.jpg", "incoming/a b.jpg"),
        ("incoming/ünï%20.jpg", "incoming/ünï%20.jpg"),
        # Malformed: not hexadecimal, cut off, not UTF-8, overlong, a surrogate.
        ("incoming/100%.jpg", "incoming/100%.jpg"),
        ("incoming/%zz.jpg", "incoming/%zz.jpg"),
        ("incoming/x%", "incoming/x%"),
        ("incoming/%ff.jpg", "incoming/%ff.jpg"),
        ("incoming/%C3.jpg", "incoming/%C3.jpg"),
        ("incoming/%C0%AF.jpg", "incoming/%C0%AF.jpg"),
        ("incoming/%ED%A0%80.jpg", "incoming/%ED%A0%80.jpg"),
    ],
)
def test_a_key_of_an_inventory_is_decoded_where_it_can_be_an_encoded_one(
    definition: dict[str, Any], row: str, key: str
) -> None:
    states = definition["States"]["Images of the inventory"]["ItemProcessor"]["States"]
    expression = states["Classify image (inventory)"]["Arguments"]["Input"]
    found = json.loads(evaluated(expression, ROW | {"Key": row}, encoded=True))
    assert found["detail"]["object"] == {"key": key, "size": 12, "etag": "abc"}
    listed = json.loads(evaluated(expression, ROW | {"Key": row}, encoded=False))
    assert listed["detail"]["object"]["key"] == row
