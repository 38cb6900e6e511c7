"""`scones verify` checks result documents with separate code: it and the schema agree on every document."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scones.result_documents import Document
from scones.verify.outcomes import document_faults
from tests.unit.scones.verifiable import result_document

LABELS = ("bicycle", "motorcycle")
KEY, ETAG = "incoming/scones-verify/20261126T201500Z-4f2a1c/bicycle.png", "e" * 32


@pytest.fixture(scope="module")
def schema(root: Path) -> Any:
    """The validator of a result document."""
    text = (root / "docs" / "contracts" / "result.schema.json").read_text()
    return jsonschema.Draft202012Validator(json.loads(text))


def faults(content: dict[str, Any]) -> list[str]:
    try:
        document = Document.parse("key", json.dumps(content).encode())
    except ValueError as error:  # it is no result to the command at all, which is then without an outcome
        return [str(error)]
    return document_faults(document, LABELS)


@pytest.mark.parametrize("outcome", ["passed", "review", "rejected", "failed"])
def test_a_sound_document_is_sound_to_both(outcome: str, schema: Any) -> None:
    content = result_document(KEY, ETAG, 12, outcome, "arn")
    schema.validate(content)
    assert faults(content) == []


@pytest.mark.parametrize("outcome", ["passed", "review", "rejected", "failed"])
def test_a_document_without_any_one_of_its_parts_is_sound_to_neither(outcome: str, schema: Any) -> None:
    whole = result_document(KEY, ETAG, 12, outcome, "arn")
    for name in schema.schema["required"]:
        less = {key: value for key, value in whole.items() if key != name}
        assert not schema.is_valid(less)
        assert faults(less), f"without {name}"
    for name in schema.schema["properties"]["image"]["required"]:
        less = deepcopy(whole)
        del less["image"][name]
        assert not schema.is_valid(less)
        assert faults(less), f"without image.{name}"


@pytest.mark.parametrize(
    ("outcome", "part", "value"),
    [
        ("passed", "schema_version", "2"),
        ("passed", "outcome", "done"),
        ("passed", "reason", ""),
        ("passed", "reason", None),
        ("passed", "label", None),
        ("passed", "confidence", None),
        ("passed", "confidence", 1.5),
        ("passed", "confidence", "0.9"),
        ("passed", "threshold", -1),
        ("passed", "inferences", None),
        ("passed", "inferences", [0.9, "0.1"]),
        ("passed", "inferences", [0.9, 1.1]),
        ("passed", "labels", []),
        ("passed", "endpoint", {"name": "e"}),
        ("passed", "execution", None),
        ("passed", "error", {"name": "E", "message": "m", "state": "s"}),
        ("review", "inferences", {"0": 1}),
        ("rejected", "error", None),
        ("rejected", "error", {"name": "E", "message": "m"}),
        ("failed", "error", {"name": "E", "message": None, "state": "s"}),
    ],
)
def test_what_the_schema_refuses_is_a_fault(outcome: str, part: str, value: object, schema: Any) -> None:
    content = result_document(KEY, ETAG, 12, outcome, "arn") | {part: value}
    assert not schema.is_valid(content)
    assert faults(content)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("labels", ["motorcycle", "bicycle"]),
        ("inferences", [0.2, 0.3, 0.5]),
        ("label", "tandem"),
        ("confidence", 0.5),
        ("finished_at", "soon"),
    ],
)
def test_what_only_the_stack_can_tell_is_a_fault_too(part: str, value: object) -> None:
    assert faults(result_document(KEY, ETAG, 12, "passed", "arn") | {part: value})


@pytest.mark.parametrize(
    ("reason", "is_fault"),
    [
        ("bicycle at 0.950 reaches the threshold of 0.8, but the certificate ended", False),
        ("bicycle at 0.950 is below the threshold of 0.8", True),
    ],
)
def test_an_image_that_only_lacks_a_certificate_is_rightly_in_review(reason: str, is_fault: bool) -> None:
    document = result_document(KEY, ETAG, 12, "review", "arn") | {"confidence": 0.95, "reason": reason}
    assert bool(faults(document)) is is_fault
