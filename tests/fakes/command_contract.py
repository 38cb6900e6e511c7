"""Validates the --json output of commands against the published schema."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from tests.support import ROOT

CONTRACTS = ROOT / "docs" / "contracts"


def check_output(command: str, printed: str) -> None:
    """Check that the output is one document and valid under the command's schema."""
    _validator(command).validate(json.loads(printed))


def commands_with_schema() -> set[str]:
    definitions = json.loads((CONTRACTS / "commands.schema.json").read_text())["$defs"]
    return set(definitions)


@cache
def _validator(command: str) -> Draft202012Validator:
    schemas = {name: json.loads((CONTRACTS / name).read_text()) for name in _FILES}
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return Draft202012Validator({"$ref": f"commands.schema.json#/$defs/{command}"}, registry=registry)


_FILES = ("commands.schema.json", "result.schema.json")
