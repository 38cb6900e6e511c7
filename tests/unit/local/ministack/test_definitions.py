"""The local cloud refuses the definitions that Step Functions refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

from scones.local.ministack.step_functions import problem_of, refuse_what_step_functions_refuses

PASS = {"Type": "Pass", "End": True}


def machine(**states: Any) -> str:
    return json.dumps({"StartAt": next(iter(states)), "States": states})


def mapped(*, reader: dict[str, str] | None = None, **states: Any) -> dict[str, Any]:
    processor = {"StartAt": next(iter(states)), "States": states}
    return {
        "Type": "Map",
        "ItemProcessor": processor,
        "ItemReader": {"ReaderConfig": reader or {}},
        "End": True,
    }


@pytest.mark.parametrize(
    "definition",
    [
        machine(A=PASS, B=mapped(A=PASS)),
        machine(A=mapped(X=PASS), B=mapped(X=PASS)),
        machine(A={"Type": "Parallel", "Branches": [{"States": {"X": PASS}}, {"States": {"X": PASS}}]}),
    ],
)
def test_a_name_that_stands_twice_is_refused(definition: str) -> None:
    assert (problem_of(definition) or "").startswith("DUPLICATE_STATE_NAME")


def test_an_inventory_reader_has_one_of_two_fields() -> None:
    both = {"InputType": "MANIFEST", "ManifestType": "S3_INVENTORY"}
    assert "exclude each other" in (problem_of(machine(A=mapped(reader=both, X=PASS))) or "")
    assert problem_of(machine(A=mapped(reader={"InputType": "MANIFEST"}, X=PASS))) is None


@pytest.mark.parametrize("name", ["classify_image", "backfill"])
def test_our_definitions_are_taken(root: Path, name: str) -> None:
    assert problem_of((root / "statemachine" / f"{name}.asl.json").read_text()) is None


def test_the_api_and_cloudformation_refuse_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        stepfunctions, "_validate_definition_jsonata", stepfunctions._validate_definition_jsonata
    )
    monkeypatch.setattr(provisioners, "_sfn_definition", provisioners._sfn_definition)
    refuse_what_step_functions_refuses()
    twice = machine(A=PASS, B=mapped(A=PASS))

    status, _, body = stepfunctions._create_state_machine({"name": "twice", "definition": twice})
    assert status == 400
    assert b"DUPLICATE_STATE_NAME" in body
    with pytest.raises(ValueError, match="DUPLICATE_STATE_NAME"):
        provisioners._sfn_definition({"DefinitionString": twice})
    with pytest.raises(ValueError, match="INVALID_JSONATA_EXPRESSION"):
        provisioners._sfn_definition({"DefinitionString": machine(A=PASS | {"Output": "{% ( %}"})})
