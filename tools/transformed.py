"""Print the template as CloudFormation receives it, after SAM's transform: `python -m tools.transformed`.

Checkers for CloudFormation do not support all of SAM, and reviewers need to see the roles that SAM generates. The
resources of nested stacks but monitoring/ are included, with their parameters replaced by the root template's values.
It is the template of a stack that makes its own image bucket.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
MONITORING_TEMPLATE = TEMPLATE.parent / "monitoring" / "template.yaml"
NESTED = {name: TEMPLATE.parent / name.lower() / "template.yaml" for name in ("Intake", "Review", "Recovery")}
_MANAGED = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}
_CODE, _DEFINITION = (
    {"S3Bucket": "bucket", "S3Key": "code.zip"},
    {"Bucket": "bucket", "Key": "definition.json"},
)

# A part of a template: whatever YAML can say.
type Value = Any


def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return a copy of a template as written; that of the root has its nested stacks' but monitoring/'s."""
    return copy.deepcopy(_joined() if path == TEMPLATE else _template(path))


def claims_table(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the properties of the claims table, with its index of the audit and without what names other resources."""
    properties = _with_audit(copy.deepcopy(_template(path)["Resources"]["ImageClaims"]["Properties"]))
    return {name: value for name, value in properties.items() if name != "SSESpecification"}


def _with_audit(value: Value) -> Value:
    match value:
        case {"Fn::If": ["HasAudit", part, _]}:
            return part
        case dict():
            return {name: _with_audit(part) for name, part in value.items()}
        case list():
            return [_with_audit(part) for part in value]
    return value


def transformed() -> dict[str, Any]:
    """Return a copy of the template after SAM's transform, with placeholder locations of code and definitions."""
    return copy.deepcopy(_transformed())


# Reading the file takes half a second, and the transform longer; tests call both many times.
@functools.cache
def _template(path: Path) -> dict[str, Any]:
    return dict(yaml_parse(path.read_text()))


@functools.cache
def _joined() -> dict[str, Any]:
    found = dict(_with_own_bucket(_template(TEMPLATE)))
    for stack, path in NESTED.items():
        nested = copy.deepcopy(_template(path))
        given = found["Resources"].pop(stack)["Properties"]["Parameters"]
        outputs = {f"{stack}.Outputs.{name}": output["Value"] for name, output in nested["Outputs"].items()}
        found = _with_outputs(found, outputs)
        found["Resources"] |= _with_parameters(nested["Resources"], given)
    return found


@functools.cache
def _transformed() -> dict[str, Any]:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    written = template()
    places = {
        "CodeUri": "s3://bucket/code.zip",
        "Code": _CODE,
        "DefinitionUri": _DEFINITION,
        "DefinitionS3Location": _DEFINITION,
    }
    for resource in written["Resources"].values():
        properties = resource.get("Properties", {})
        properties.update({name: place for name, place in places.items() if name in properties})
    return dict(Translator(_MANAGED, Parser()).translate(written, {}))


def _with_own_bucket(value: Value) -> Value:
    """Choose the stack's own bucket, and write what is known then in one text."""
    match value:
        case {"Fn::If": ["OwnsBucket", part, _]}:
            return part
        case {"Fn::Sub": [str(text), {"Arn": arn, **others}]}:
            text = text.replace("${Arn}", _in_text(_with_own_bucket(arn)))
            return {"Fn::Sub": [text, others] if others else text}
        case {"Condition": "OwnsBucket", **resource}:
            return _with_own_bucket(resource)
        case dict():
            return {name: _with_own_bucket(part) for name, part in value.items()}
        case list():
            return [_with_own_bucket(part) for part in value]
    return value


def _with_outputs(value: Value, outputs: dict[str, Any]) -> Value:
    """Replace each reference to an output of a nested stack by the output's value."""
    match value:
        case {"Fn::GetAtt": [stack, attribute]} if f"{stack}.{attribute}" in outputs:
            return outputs[f"{stack}.{attribute}"]
        case dict():
            return {name: _with_outputs(part, outputs) for name, part in value.items()}
        case list():
            return [_with_outputs(part, outputs) for part in value]
    return value


def _with_parameters(value: Value, given: dict[str, Any]) -> Value:
    """Replace each reference to a parameter of a nested stack by what the root template gives it."""
    match value:
        case {"Ref": name} if name in given:
            return given[name]
        case {"Fn::Sub": str(text)}:
            return {
                "Fn::Sub": re.sub(
                    r"\$\{(\w+)\}", lambda name: _in_text(given.get(name[1], {"Ref": name[1]})), text
                )
            }
        case dict():
            return {name: _with_parameters(part, given) for name, part in value.items()}
        case list():
            return [_with_parameters(part, given) for part in value]
    return value


def _in_text(value: Value) -> str:
    """Write a reference as Fn::Sub has it."""
    match value:
        case {"Ref": name}:
            return f"${{{name}}}"
        case {"Fn::GetAtt": parts}:
            return f"${{{'.'.join(parts)}}}"
    message = f"no text for {value}"
    raise ValueError(message)


if __name__ == "__main__":
    print(json.dumps(transformed(), indent=2))
