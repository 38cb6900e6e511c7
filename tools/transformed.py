"""Print the template as CloudFormation gets it, SAM's part worked out: `python -m tools.transformed`.

Checkers of CloudFormation know little of SAM, and the roles that it writes are what a reviewer wants to see.
"""

from __future__ import annotations

import copy
import functools
import json
import os
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
MONITORING_TEMPLATE = TEMPLATE.parent / "monitoring" / "template.yaml"
_MANAGED = {
    "AWSLambdaBasicExecutionRole": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    "AWSXrayWriteOnlyAccess": "arn:aws:iam::aws:policy/AWSXrayWriteOnlyAccess",
}


def template(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return a copy of a template as it stands."""
    return copy.deepcopy(_template(path))


def transformed() -> dict[str, Any]:
    """Return a copy of the template after SAM's transform, its code and definitions at made-up places."""
    return copy.deepcopy(_transformed())


# Reading the file takes half a second, and the transform longer; tests ask for both many times.
@functools.cache
def _template(path: Path) -> dict[str, Any]:
    return dict(yaml_parse(path.read_text()))


@functools.cache
def _transformed() -> dict[str, Any]:
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    written = template()
    for resource in written["Resources"].values():
        properties = resource.get("Properties", {})
        if "CodeUri" in properties:
            properties["CodeUri"] = "s3://bucket/code.zip"
        if "DefinitionUri" in properties:
            properties["DefinitionUri"] = {"Bucket": "bucket", "Key": "definition.json"}
    return dict(Translator(_MANAGED, Parser()).translate(written, {}))


if __name__ == "__main__":
    print(json.dumps(transformed(), indent=2))
