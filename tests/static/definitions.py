"""The definitions of the workflows, as they stand and as CloudFormation fills them in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.support import ROOT
from tools.transformed import template, transformed

FOLDER: Final = ROOT / "statemachine"
FILES: Final = sorted(path.name for path in FOLDER.glob("*.asl.json"))
MACHINES: Final = {
    name: resource["Properties"]
    for name, resource in template()["Resources"].items()
    if resource["Type"] in {"AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine"}
}


def text_of(file: str) -> str:
    """Return a definition as it stands in its file."""
    return (FOLDER / file).read_text()


def filled(machine: str) -> dict[str, Any]:
    """Return the definition of a state machine of the template with its substitutions filled in.

    Raises
    ------
    KeyError
        For a variable of the definition that the template gives no value.
    """
    properties = MACHINES[machine]
    values = properties["DefinitionSubstitutions"]
    text = text_of(Path(properties.get("DefinitionUri") or properties["DefinitionS3Location"]).name)
    return dict(json.loads(re.sub(r"\$\{(\w+)\}", lambda name: _written(values[name[1]]), text)))


def states(definition: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each state with its name, those inside maps and branches too."""
    for name, state in definition["States"].items():
        yield name, state
        inner = [state[field] for field in ("ItemProcessor", "Iterator") if field in state]
        for machine in inner + state.get("Branches", []):
            yield from states(machine)


def with_definitions_inline() -> dict[str, Any]:
    """Return the template as CloudFormation gets it, with the definitions where cfn-lint looks into them."""
    found = transformed()
    for name in MACHINES:
        properties = found["Resources"][name]["Properties"]
        del properties["DefinitionS3Location"], properties["DefinitionSubstitutions"]
        properties["Definition"] = filled(name)
    return found


def _written(value: Any) -> str:
    """Write what CloudFormation would fill in: defaults of parameters, and logical names for what it makes."""
    match value:
        case {"Fn::If": [_, yes, _]}:
            found = _written(yes)
        case {"Ref": "AWS::Partition"}:
            found = "aws"
        case {"Ref": name}:
            found = template()["Parameters"].get(name, {}).get("Default", name)
        case {"Fn::GetAtt": [name, _]} | {"Fn::GetAtt": str(name)}:
            found = str(name).partition(".")[0]
        case {"Fn::FindInMap": [name, first, second]}:
            found = template()["Mappings"][name][first][second]
        case {"Fn::Sub": [text, variables]}:
            for name, each in variables.items():
                text = text.replace(f"${{{name}}}", _written(each))
            found = _written({"Fn::Sub": text})
        case {"Fn::Sub": text}:
            found = re.sub(r"\$\{([\w:]+)(\.\w+)?\}", lambda match: _written({"Ref": match[1]}), text)
        case _:
            found = value
    return str(found)
